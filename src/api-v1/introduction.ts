/** In the order of the page. */
export const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['Registries', 'What holds repositories: each has a name of its own, unique in the installation.'],
  ['Tokens', 'Logins of machines: each opens one registry, as far as its scopes say.'],
  ['Repositories', 'What was pushed into a registry.'],
  ['Artifacts', 'The images of a repository.'],
  ['Vulnerabilities', 'What scanning found.'],
  ['Scans', 'What an image holds, what was found in it, and how that changed.'],
  ['Advisories', 'What images are judged by, where it comes from, and how old it is.'],
  ['Locations', 'Where registries can be.'],
  ['Names', 'Which registry names are in use.'],
  ['Me', 'The person who asks: profile, password, sessions, API keys.'],
  ['People', 'Who belongs to the contract.'],
  ['Contracts', 'Customers of this installation.'],
  ['Single sign-on', 'Logging in with an OpenID Connect provider.'],
  ['Usage', 'What is stored and moved, and how much may be.'],
  ['Audit', 'Who did what, and who was refused.'],
  ['Jobs', 'What the installation does by itself.'],
]

export const INTRODUCTION = `
A private container registry. Images are pushed and pulled with any client of the OCI distribution API (\`docker\`, \`podman\`, \`skopeo\`, …);
everything around them is done here. For programs this page is the OpenAPI document \`/api/openapi.json\`. The paths without \`/api/v1\` are those that existing clients of this kind of registry use; they answer below
\`/containerregistries\` too. Everything else is below \`/api/v1\`.

### Logging in
With every request, one of: **Basic** with e-mail and password, **Bearer** with an API key or the secret of a session, or the console's cookie.
Who belongs to several contracts chooses one with the header \`X-Contract-Number\`.

### First steps
\`\`\`sh
URL=https://registry.example.com   # this server
KEY='ann@example.com:password'     # or: -H "Authorization: Bearer entk_…" in place of -u

# a registry, and a token for it that may push and pull one repository; the password is in that answer only
curl -u "$KEY" $URL/registries -H 'Content-Type: application/json' \\
  -d '{"properties":{"name":"acme","location":"de/fra"}}'
curl -u "$KEY" $URL/registries/$REGISTRY_ID/tokens -H 'Content-Type: application/json' \\
  -d '{"properties":{"name":"ci","scopes":[{"type":"repository","name":"team/app","actions":["pull","push"]}]}}'

# push with it. Image names begin with the registry's properties.hostname; where that is empty, with <this server>/<registry>
docker login registry.example.com --username ci
docker push registry.example.com/acme/team/app:v1

# later: another password for the token, while the old one still works; then revoke the old one
curl -u "$KEY" -X POST $URL/api/v1/registries/$REGISTRY_ID/tokens/$TOKEN_ID/secrets
curl -u "$KEY" $URL/api/v1/registries/$REGISTRY_ID/tokens/$TOKEN_ID   # secrets: their ids and last uses
curl -u "$KEY" -X DELETE $URL/api/v1/registries/$REGISTRY_ID/tokens/$TOKEN_ID/secrets/$OLD_SECRET_ID

# at most 50 GB in this registry
curl -u "$KEY" -X PUT $URL/api/v1/registries/$REGISTRY_ID/quota -H 'Content-Type: application/json' \\
  -d '{"limitBytes":50000000000}'

# a colleague; the answer has a link for them, which works once
curl -u "$KEY" $URL/api/v1/invitations -H 'Content-Type: application/json' -d '{"email":"bob@example.com","role":"member"}'

# a key of your own for one registry, also as docker password
curl -u "$KEY" $URL/api/v1/api-keys -H 'Content-Type: application/json' \\
  -d '{"name":"laptop","registries":["'$REGISTRY_ID'"]}'

# who deleted a tag
curl -u "$KEY" "$URL/api/v1/audit?action=tag.delete&subject=acme/team/app:v1"
\`\`\`

### Lists below /api/v1
\`{"items": […], "next": "…"}\`: send \`next\` as \`after\` for the next page; \`null\` means that this was the last one. \`limit\` is 1 to 1000, 100 unless
told. Times are RFC 3339 in UTC, ids are UUIDs, sizes are bytes.

### Refusals
Below \`/api/v1\` as \`application/problem+json\` (RFC 9457): programs look at \`type\` and \`status\`, people read \`detail\`. The other paths answer
\`{"httpStatus": 404, "messages": [{"errorCode": "not-found", "message": "…"}]}\`. What belongs to another contract and what does not exist read the
same: 404.
`
