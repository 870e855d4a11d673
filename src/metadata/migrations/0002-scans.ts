// 0002, part of `control-plane`: jobs in hand, what layers say, what was found in images and how that changed. The words in
// braces: 0001.
//
// What follows a manifest goes with its row (ON DELETE CASCADE); while it is deleted but restorable, lists hide it. Content that
// may be large is JSON, compressed with zstd.
export const scans: readonly string[] = [
  `ALTER TABLE jobs ADD COLUMN claimed_by {text}`, // the node; meaningful while running

  // Never across contracts: speed must not tell one tenant what another has (design.md 11).
  `CREATE TABLE layer_facts (
     contract_id      {int} NOT NULL REFERENCES contracts (id),
     digest           {text} NOT NULL,                   -- of the layer blob, never a diffID that somebody claims
     analyzer_version {int} NOT NULL,
     facts            {bytes} NOT NULL,                  -- LayerFacts
     created_at       {int} NOT NULL,
     PRIMARY KEY (contract_id, digest, analyzer_version)
   {end}`,
  `CREATE INDEX layer_facts_aged ON layer_facts (created_at)`,

  // The verdict on a manifest; no row: not scanned yet.
  `CREATE TABLE scans (
     manifest_id      {int} NOT NULL PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
     status           {text} NOT NULL CHECK (status IN ('scanned', 'unknown', 'not_applicable')),
     reason           {text},                            -- for people; NULL if scanned
     scanned_at       {int} NOT NULL,                    -- of this verdict, also when no layer was read for it
     analyzer_version {int} NOT NULL,
     snapshot         {text},                            -- id of the advisories it was judged by; NULL: none
     lowest_layer     {text},                            -- digest of the image's first layer
     inventory        {bytes},                           -- Inventory; NULL: an index, or nothing could be read
     report           {bytes}                            -- MatchResult; NULL: not judged
   {end}`,
  `CREATE INDEX scans_of_snapshot ON scans (snapshot, manifest_id)`,

  // Which manifests hold a package, as advisories name it: a new advisory asks this.
  `CREATE TABLE image_packages (
     ecosystem   {text} NOT NULL,
     name        {text} NOT NULL,
     manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
     PRIMARY KEY (ecosystem, name, manifest_id)
   {end}`,
  `CREATE INDEX image_packages_of_manifest ON image_packages (manifest_id)`,

  // In which manifests a vulnerability was found, by each of its names.
  `CREATE TABLE image_vulnerabilities (
     registry_id   {int} NOT NULL REFERENCES registries (id),
     vulnerability {text} NOT NULL,
     manifest_id   {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
     PRIMARY KEY (registry_id, vulnerability, manifest_id)
   {end}`,
  `CREATE INDEX image_vulnerabilities_of_manifest ON image_vulnerabilities (manifest_id)`,
  `CREATE INDEX image_vulnerabilities_by_name ON image_vulnerabilities (vulnerability, manifest_id)`,

  `CREATE TABLE scan_history (
     id          {id},
     manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
     at          {int} NOT NULL,
     changes     {text} NOT NULL                         -- JSON: what appeared, vanished, was scored anew, and why
   {end}`,
  `CREATE INDEX scan_history_of_manifest ON scan_history (manifest_id, id)`,

  // What the world knows, as files that every node unpacks (docs/scanner.md). One is active.
  `CREATE TABLE advisory_snapshots (
     id           {text} NOT NULL PRIMARY KEY,           -- sha256:… of its content
     state        {text} NOT NULL CHECK (state IN ('writing', 'active', 'retired')),
     sources      {text} NOT NULL,                       -- JSON: SourceState[]
     created_at   {int} NOT NULL,
     installed_at {int},
     writer       {text},                                -- who puts its parts here; NULL once it is done
     written_at   {int},                                 -- while writing: when the last part came
     changes      {bytes}                                -- against the one before it; NULL: everything is new
   {end}`,
  `CREATE UNIQUE INDEX advisory_snapshots_active ON advisory_snapshots (state) WHERE state = 'active'`,
  `CREATE TABLE advisory_snapshot_parts (
     snapshot_id {text} NOT NULL REFERENCES advisory_snapshots (id) ON DELETE CASCADE,
     position    {int} NOT NULL,
     content     {bytes} NOT NULL,                       -- of the file, compressed
     PRIMARY KEY (snapshot_id, position)
   {end}`,
  // Of each source of advisories that is fetched: when it was heard of, and by what its publisher knows what we have.
  `CREATE TABLE advisory_sources (
     name            {text} NOT NULL PRIMARY KEY,        -- osv:npm, kev …; folder:/path
     wanted_at       {int} NOT NULL,                     -- since when
     next_at         {int} NOT NULL,                     -- not asked before
     forced          {int} NOT NULL DEFAULT 0,           -- 1: the next time it is believed whatever it says
     last_attempt_at {int},
     last_success_at {int},                              -- what it said then is in force
     last_error      {text},                             -- NULL: the last attempt went well
     failures        {int} NOT NULL DEFAULT 0,           -- in a row
     knowledge       {text},                             -- JSON: SourceKnowledge
     held_at         {int},                              -- the mark in the snapshot (importedAt) that says that it holds this
     whole_at        {int},                              -- when all of it came last
     warned_at       {int}                               -- when the log said last that it is stale
   {end}`,
]
