#!/usr/bin/env bash
# Installs, pinned, what the suites with real clients and servers need; nothing goes into the repository.
# Debian packages need root (or sudo); everything else lands in $ENTREPOT_TOOLS (default ~/.cache/entrepot-tools).
# A tool that cannot be installed prints a line and the rest goes on: its suites then skip with the reason.
set -uo pipefail

usage() {
  cat <<'USAGE'
usage: .ci/tools.sh [--strict] [TOOL...]   install all tools, or the named ones; some only when named (marked in --list)
       .ci/tools.sh --print-env            print the lines that put them on the PATH: eval "$(.ci/tools.sh --print-env)"
       .ci/tools.sh --list                 print each tool, its version and whether it is there
Exit codes: 0 done (a missing tool is only reported), 1 with --strict when one is missing, 2 usage.
USAGE
}

tools=${ENTREPOT_TOOLS:-$HOME/.cache/entrepot-tools}
postgres_bin=/usr/lib/postgresql/15/bin

# name, version, package; the binary gets the tool's name whatever Go calls it. Cheap ones first.
go_tools='
crane         v0.22.1                              github.com/google/go-containerregistry/cmd/crane
conformance   v0.0.0-20260831232431-97274622c111   github.com/opencontainers/distribution-spec/conformance
distribution  v3.1.2                               github.com/distribution/distribution/v3/cmd/registry
versitygw     v1.8.0                               github.com/versity/versitygw/cmd/versitygw
regctl        v0.11.7                              github.com/regclient/regclient/cmd/regctl
oras          v1.3.6                               oras.land/oras/cmd/oras
helm          v4.3.1                               helm.sh/helm/v4/cmd/helm
cosign        v3.1.3                               github.com/sigstore/cosign/v3/cmd/cosign
syft          v1.57.1                              github.com/anchore/syft/cmd/syft
'
# name, version; all in one virtual environment, $tools/venv
python_tools='
tink          1.16.1
packaging     26.4
cvss          3.6
'
# folder, kind, package, version, what it needs: the product's own client libraries, and what tries the OpenAPI document; each
# in a folder of its own, since what they need excludes each other
sdks='
sdk-node      npm  @ionos-cloud/sdk-nodejs-container-registry  1.1.0  axios@0.21.4
sdk-python-1  pip  ionoscloud-container-registry               1.1.0  pydantic==1.10.27 urllib3==2.8.0 python-dateutil==4.0.0
sdk-python-2  pip  ionoscloud-container-registry               2.0.0  pydantic==2.14.4 urllib3==2.8.0 python-dateutil==4.0.0
schemathesis  pip  schemathesis                                4.32.5 hypothesis==6.170.17
'
# package, the command that shows that it is there already. The release pins their versions (Debian 12).
debian_tools='
docker.io      dockerd
containerd     containerd
podman         podman
buildah        buildah
skopeo         skopeo
uidmap         newuidmap
fuse-overlayfs fuse-overlayfs
postgresql-15  /usr/lib/postgresql/15/bin/postgres
wrk            wrk
openssl        openssl
rpm            rpm
dpkg-dev       dpkg-source
ruby           ruby
maven          mvn
default-jdk-headless javac
debootstrap    debootstrap
'
# What the gate does not need: for bench/ and .ci/long. syft takes ten minutes to build.
only_when_named=' syft debootstrap '

# --- the three kinds: is_there decides, install does ---------------------------------------------------------------

stamp() { printf '%s/stamps/%s@%s' "$tools" "$1" "$2"; }

go_is_there() { [ -x "$tools/bin/$1" ] && [ -e "$(stamp "$1" "$2")" ]; }

go_install() {
  local name=$1 version=$2 package=$3 out
  command -v go >/dev/null || { echo 'Go is not installed'; return 1; }
  out=$(mktemp -d "$tools/build.XXXXXX") || return 1
  # GOBIN aside and one move: an interrupted build never leaves half a binary under a good name.
  CGO_ENABLED=0 GOBIN=$out GOFLAGS='-p=2 -buildvcs=false' \
    nice -n 10 timeout 2400 go install -trimpath -ldflags='-s -w' "$package@$version" || { rm -rf "$out"; return 1; }
  rm -f "$tools/stamps/$name@"*
  mv -f "$out"/* "$tools/bin/$name" && touch "$(stamp "$name" "$version")"
  local code=$?
  rm -rf "$out"
  return $code
}

python_is_there() { [ -x "$tools/venv/bin/python" ] && [ -e "$(stamp "$1" "$2")" ]; }

python_install() {
  [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv" || return 1
  rm -f "$tools/stamps/$1@"*
  timeout 300 "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$1==$2" &&
    "$tools/venv/bin/python" -c "import $1" && touch "$(stamp "$1" "$2")"
}

sdk_is_there() { [ -d "$tools/$1" ] && [ -e "$(stamp "$1" "$2")" ]; }

# Anew each time: an interrupted installation leaves no stamp.
sdk_install() {
  local folder=$1 kind=$2 package=$3 version=$4
  shift 4
  rm -rf "${tools:?}/$folder" "$tools/stamps/$folder@"*
  case $kind in
    npm)
      mkdir -p "$tools/$folder" && echo '{"private":true}' >"$tools/$folder/package.json" &&
        (cd "$tools/$folder" && timeout 300 npm install --no-audit --no-fund --ignore-scripts "$package@$version" "$@")
      ;;
    pip)
      python3 -m venv "$tools/$folder" &&
        timeout 300 "$tools/$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package==$version" "$@"
      ;;
  esac && touch "$(stamp "$folder" "$version")"
}

debian_is_there() { PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# One apt-get for all that is missing. Services stay down: the suites run their own daemons, on their own ports and
# directories. PostgreSQL makes no system cluster, and policy-rc.d says no to every start while packages unpack.
debian_install() (
  command -v apt-get >/dev/null || { echo 'no apt-get on this machine'; exit 1; }
  as_root true 2>/dev/null || { echo 'Debian packages need root'; exit 1; }
  policy=/usr/sbin/policy-rc.d
  clusters=/etc/postgresql-common/createcluster.d
  trap 'as_root rm -f "$clusters/entrepot.conf" ${own_policy:-}' EXIT
  if [ ! -e $policy ]; then
    own_policy=$policy
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
  fi
  as_root mkdir -p $clusters
  echo 'create_main_cluster = false' | as_root tee $clusters/entrepot.conf >/dev/null
  apt='apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0'
  as_root env DEBIAN_FRONTEND=noninteractive $apt update
  as_root env DEBIAN_FRONTEND=noninteractive $apt install -y --no-install-recommends "$@" </dev/null
)

# --- running them ----------------------------------------------------------------------------------------------------

missing=()
wanted=()

is_wanted() {
  if [ ${#wanted[@]} = 0 ]; then
    [[ $only_when_named != *" $1 "* ]]
    return
  fi
  local one
  for one in "${wanted[@]}"; do [ "$one" = "$1" ] && return 0; done
  return 1
}

# Runs one installation; its output is shown only when it fails.
attempt() {
  local label=$1 started=$SECONDS log="$tools/log/${1%% *}.log"
  shift
  if "$@" >"$log" 2>&1; then
    printf 'tools: %-34s installed    %4d s\n' "$label" $((SECONDS - started))
  else
    printf 'tools: %-34s NOT INSTALLED after %d s: %s\n' "$label" $((SECONDS - started)) \
      "$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | cut -c 1-300)"
    return 1
  fi
}

present() { printf 'tools: %-34s there\n' "$1"; }

install_debian() {
  local package command lacking=()
  while read -r package command; do
    [ -n "$package" ] && is_wanted "$package" || continue
    if debian_is_there "$package" "$command"; then present "$package"; else lacking+=("$package"); fi
  done <<<"$debian_tools"
  [ ${#lacking[@]} = 0 ] && return
  attempt "debian (${#lacking[@]} packages)" debian_install "${lacking[@]}" && return
  # One of them may be what fails: try each, so that it does not cost the others.
  for package in "${lacking[@]}"; do attempt "$package" debian_install "$package" || missing+=("$package"); done
}

install_go() {
  local name version package
  while read -r name version package; do
    [ -n "$name" ] && is_wanted "$name" || continue
    if go_is_there "$name" "$version"; then present "$name ${version%%-*}"; continue; fi
    attempt "$name ${version%%-*}" go_install "$name" "$version" "$package" || missing+=("$name")
  done <<<"$go_tools"
}

install_python() {
  local name version
  while read -r name version; do
    [ -n "$name" ] && is_wanted "$name" || continue
    if python_is_there "$name" "$version"; then present "$name $version"; continue; fi
    attempt "$name $version" python_install "$name" "$version" || missing+=("$name")
  done <<<"$python_tools"
}

install_sdks() {
  local folder kind package version needs
  while read -r folder kind package version needs; do
    [ -n "$folder" ] && is_wanted "$folder" || continue
    if sdk_is_there "$folder" "$version"; then present "$folder $version"; continue; fi
    # The last word splits: each is a package.
    # shellcheck disable=SC2086
    attempt "$folder $version" sdk_install "$folder" "$kind" "$package" "$version" $needs || missing+=("$folder")
  done <<<"$sdks"
}

list() {
  local name version rest kind package
  while read -r name version rest; do
    [ -n "$name" ] || continue
    printf '%-16s %-40s %s%s\n' "$name" "$version" "$(go_is_there "$name" "$version" && echo there || echo missing)" \
      "$([[ $only_when_named != *" $name "* ]] || echo ', only when named')"
  done <<<"$go_tools"
  while read -r name version; do
    [ -n "$name" ] || continue
    printf '%-16s %-40s %s\n' "$name" "$version" "$(python_is_there "$name" "$version" && echo there || echo missing)"
  done <<<"$python_tools"
  while read -r name kind package version rest; do
    [ -n "$name" ] || continue
    printf '%-16s %-40s %s\n' "$name" "$version" "$(sdk_is_there "$name" "$version" && echo there || echo missing)"
  done <<<"$sdks"
  while read -r name rest; do
    [ -n "$name" ] || continue
    printf '%-16s %-40s %s%s\n' "$name" 'Debian 12' "$(debian_is_there "$name" "$rest" && echo there || echo missing)" \
      "$([[ $only_when_named != *" $name "* ]] || echo ', only when named')"
  done <<<"$debian_tools"
}

print_env() {
  printf 'export PATH=%q:$PATH:%q:/usr/sbin:/sbin\n' "$tools/bin" "$postgres_bin"
}

strict=0
while [ $# -gt 0 ]; do
  case $1 in
    --print-env) print_env; exit 0 ;;
    --list) list; exit 0 ;;
    --strict) strict=1 ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *)
      grep -qE "^$1[[:space:]]" <<<"$go_tools$python_tools$sdks$debian_tools" || { echo "tools: unknown tool $1" >&2; exit 2; }
      wanted+=("$1")
      ;;
  esac
  shift
done

mkdir -p "$tools/bin" "$tools/stamps" "$tools/log" || { echo "tools: cannot write to $tools" >&2; exit 1; }
# Two runs at once would build everything twice; the second waits and then finds it there.
exec 9>"$tools/lock"
flock 9 2>/dev/null || true

install_debian
install_python
install_sdks
install_go

printf 'tools: %d s in all%s\n' "$SECONDS" "${missing[*]:+, NOT INSTALLED: ${missing[*]}}"
if [ $strict = 1 ] && [ ${#missing[@]} -gt 0 ]; then exit 1; fi
exit 0
