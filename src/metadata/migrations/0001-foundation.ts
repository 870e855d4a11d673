// 0001  The foundation: contracts and people, registries and tokens, blobs and manifests, locks, leases and tombstones.
//
// Portable text: {id} is the identity primary key, {int} a 64-bit integer, {text} text in byte order, {bytes} bytes,
// {end} closes a table (STRICT on SQLite). Times are milliseconds UTC. Booleans are 0 or 1. Forward only.
//
// Deleting: `delete_id` names the deletion (row of `deletions`) that hides a row. Visible = own delete_id and those of
// all parents are NULL. Unique indexes cover live rows only. Read docs/garbage-collection.md before changing anything here.
export const foundation: readonly string[] = [
  `CREATE TABLE settings (
     name  {text} NOT NULL PRIMARY KEY,   -- installation_id, key_check, created_at …
     value {text} NOT NULL
   {end}`,
  `CREATE TABLE auth_epoch (
     id    {int} NOT NULL PRIMARY KEY CHECK (id = 1),
     epoch {int} NOT NULL                 -- rises in the transaction of every revocation, disabling, scope or allow-list change
   {end}`,
  `INSERT INTO auth_epoch (id, epoch) VALUES (1, 1)`,

  // contracts and people
  `CREATE TABLE contracts (
     id         {id},                     -- also the contract number
     name       {text} NOT NULL,
     state      {text} NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'deleted')),
     created_at {int} NOT NULL
   {end}`,
  `CREATE TABLE identities (
     id               {id},
     user_id          {text} NOT NULL UNIQUE,        -- UUID v4, public
     email            {text} NOT NULL UNIQUE,        -- lower case
     display_name     {text},
     password_hash    {text},                        -- PHC string, argon2id; NULL: single sign-on only
     password_version {int} NOT NULL DEFAULT 1,
     disabled_at      {int},
     created_at       {int} NOT NULL
   {end}`,
  `CREATE TABLE memberships (
     contract_id     {int} NOT NULL REFERENCES contracts (id),
     identity_id     {int} NOT NULL REFERENCES identities (id),
     role            {text} NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
     manage_registry {int} NOT NULL DEFAULT 0,
     disabled_at     {int},
     created_at      {int} NOT NULL,
     PRIMARY KEY (contract_id, identity_id)
   {end}`,
  `CREATE INDEX memberships_of_identity ON memberships (identity_id)`,
  `CREATE TABLE api_keys (
     id             {id},
     contract_id    {int} NOT NULL REFERENCES contracts (id),
     identity_id    {int} NOT NULL REFERENCES identities (id),
     public_id      {text} NOT NULL UNIQUE,
     key_id         {text} NOT NULL UNIQUE,          -- inside the secret: the look-up is one index read
     secret_hash    {text} NOT NULL,                 -- SHA-256, hexadecimal; the secret has ≥ 160 random bits
     name           {text} NOT NULL,
     read_only      {int} NOT NULL DEFAULT 0,
     registry_ids   {text},                          -- JSON array of internal ids; NULL: all
     actions        {text},                          -- JSON array; NULL: all
     created_at     {int} NOT NULL,
     expires_at     {int},
     revoked_at     {int},
     last_used_at   {int},
     last_used_from {text}
   {end}`,
  `CREATE INDEX api_keys_of_identity ON api_keys (identity_id)`,
  `CREATE TABLE sessions (
     id           {id},
     secret_hash  {text} NOT NULL UNIQUE,
     identity_id  {int} NOT NULL REFERENCES identities (id),
     contract_id  {int} NOT NULL REFERENCES contracts (id),
     created_at   {int} NOT NULL,
     expires_at   {int} NOT NULL,
     last_used_at {int} NOT NULL,
     address      {text}
   {end}`,
  `CREATE INDEX sessions_of_identity ON sessions (identity_id)`,
  `CREATE INDEX sessions_expiring ON sessions (expires_at)`,

  // deletions: one row per act; what was hidden carries its id
  `CREATE TABLE deletions (
     id          {id},
     kind        {text} NOT NULL CHECK (kind IN ('registry', 'repository', 'manifest', 'tag', 'blob', 'token')),
     contract_id {int} NOT NULL,
     registry_id {int} NOT NULL,
     subject     {text} NOT NULL,        -- what was named: a digest, a tag, a repository, a registry
     deleted_by  {text} NOT NULL,
     deleted_at  {int} NOT NULL,
     purge_after {int} NOT NULL,         -- end of quarantine
     purged_at   {int}
   {end}`,
  `CREATE INDEX deletions_due ON deletions (purge_after) WHERE purged_at IS NULL`,

  // registries and their tokens
  `CREATE TABLE registries (
     id               {id},
     contract_id      {int} NOT NULL REFERENCES contracts (id),
     public_id        {text} NOT NULL,                -- UUID, lower case; may be chosen by the client
     name             {text} NOT NULL,
     location         {text} NOT NULL,
     state            {text} NOT NULL DEFAULT 'New' CHECK (state IN ('New', 'WaitingForStorage', 'Running')),
     gc_schedule      {text},                         -- JSON {days, time} as sent; NULL: no collection unless asked
     scanning_enabled {int} NOT NULL DEFAULT 1,
     allow_list       {text} NOT NULL DEFAULT '[]',   -- JSON array, verbatim
     created_at       {int} NOT NULL,
     created_by       {text} NOT NULL,
     created_by_id    {text} NOT NULL,
     modified_at      {int},
     modified_by      {text},
     modified_by_id   {text},
     delete_id        {int} REFERENCES deletions (id)
   {end}`,
  `CREATE UNIQUE INDEX registries_live_name ON registries (name) WHERE delete_id IS NULL`,
  `CREATE UNIQUE INDEX registries_live_public_id ON registries (contract_id, public_id) WHERE delete_id IS NULL`,
  `CREATE INDEX registries_of_contract ON registries (contract_id, id) WHERE delete_id IS NULL`,
  `CREATE INDEX registries_quarantined_name ON registries (name) WHERE delete_id IS NOT NULL`,
  `CREATE TABLE registry_tokens (
     id             {id},
     registry_id    {int} NOT NULL REFERENCES registries (id),
     public_id      {text} NOT NULL,
     name           {text} NOT NULL,
     status         {text} NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
     scopes         {text} NOT NULL DEFAULT '[]',     -- JSON [{actions, name, type}] as sent
     expires_at     {int},
     created_at     {int} NOT NULL,
     created_by     {text} NOT NULL,
     created_by_id  {text} NOT NULL,
     modified_at    {int},
     modified_by    {text},
     modified_by_id {text},
     deleted_at     {int}                             -- a token is gone at once: no quarantine for credentials
   {end}`,
  `CREATE UNIQUE INDEX registry_tokens_live_name ON registry_tokens (registry_id, name) WHERE deleted_at IS NULL`,
  `CREATE UNIQUE INDEX registry_tokens_live_public_id ON registry_tokens (registry_id, public_id) WHERE deleted_at IS NULL`,
  `CREATE INDEX registry_tokens_expiring ON registry_tokens (expires_at) WHERE deleted_at IS NULL AND expires_at IS NOT NULL`,
  `CREATE TABLE registry_token_secrets (
     id             {id},
     token_id       {int} NOT NULL REFERENCES registry_tokens (id),
     key_id         {text} NOT NULL UNIQUE,
     secret_hash    {text} NOT NULL,
     created_at     {int} NOT NULL,
     revoked_at     {int},
     last_used_at   {int},
     last_used_from {text}
   {end}`,
  `CREATE INDEX registry_token_secrets_of_token ON registry_token_secrets (token_id)`,
  `CREATE TABLE refresh_tokens (
     id             {id},
     secret_hash    {text} NOT NULL UNIQUE,
     principal_kind {text} NOT NULL CHECK (principal_kind IN ('registry_token', 'user', 'api_key')),
     principal_id   {int} NOT NULL,                   -- registry_tokens.id, identities.id or api_keys.id
     contract_id    {int} NOT NULL,
     secret_version {int} NOT NULL,                   -- registry_token_secrets.id, identities.password_version, or 0
     service        {text} NOT NULL,
     created_at     {int} NOT NULL,
     expires_at     {int} NOT NULL
   {end}`,
  `CREATE INDEX refresh_tokens_expiring ON refresh_tokens (expires_at)`,
  `CREATE INDEX refresh_tokens_of_principal ON refresh_tokens (principal_kind, principal_id)`,
  `CREATE TABLE signing_keys (
     id          {id},
     kid         {text} NOT NULL UNIQUE,
     public_jwk  {text} NOT NULL,
     wrapped     {bytes} NOT NULL,                    -- private JWK, sealed by the master key
     created_at  {int} NOT NULL,
     retired_at  {int}
   {end}`,
  `CREATE TABLE login_brakes (
     id_hash         {text} NOT NULL PRIMARY KEY,     -- keyed hash of (address prefix, login name)
     failures        {int} NOT NULL,                  -- since the last success or quiet quarter of an hour
     last_failure_at {int} NOT NULL
   {end}`,
  `CREATE INDEX login_brakes_idle ON login_brakes (last_failure_at)`,

  // keys
  `CREATE TABLE data_keys (
     id            {id},
     registry_id   {int} NOT NULL REFERENCES registries (id),
     version       {int} NOT NULL,
     provider      {text} NOT NULL,                   -- which key provider wrapped it
     wrapped       {bytes},                           -- NULL once destroyed
     created_at    {int} NOT NULL,
     destroyed_at  {int},
     UNIQUE (registry_id, version)
   {end}`,

  // repositories, manifests, tags
  `CREATE TABLE repositories (
     id          {id},
     registry_id {int} NOT NULL REFERENCES registries (id),
     name        {text} NOT NULL,
     created_at  {int} NOT NULL,
     created_by  {text} NOT NULL,
     delete_id   {int} REFERENCES deletions (id)
   {end}`,
  `CREATE UNIQUE INDEX repositories_live_name ON repositories (registry_id, name) WHERE delete_id IS NULL`,
  `CREATE TABLE repository_counters (
     repository_id  {int} NOT NULL PRIMARY KEY REFERENCES repositories (id),
     pull_count     {int} NOT NULL DEFAULT 0,
     push_count     {int} NOT NULL DEFAULT 0,
     last_pushed_at {int},
     last_pulled_at {int}
   {end}`,
  `CREATE TABLE manifests (
     id            {id},
     repository_id {int} NOT NULL REFERENCES repositories (id),
     digest        {text} NOT NULL,
     media_type    {text} NOT NULL,
     artifact_type {text},                            -- as the referrers API shows it
     size          {int} NOT NULL,                    -- plaintext bytes
     content       {bytes} NOT NULL,                  -- Tink AES256-GCM, RAW; associated data <registry id>/<digest>
     data_key_id   {int} NOT NULL REFERENCES data_keys (id),
     subject       {text},                            -- digest; need not exist
     pushed_at     {int} NOT NULL,
     pushed_by     {text} NOT NULL,
     lease_until   {int} NOT NULL,
     delete_id     {int} REFERENCES deletions (id)
   {end}`,
  `CREATE UNIQUE INDEX manifests_live_digest ON manifests (repository_id, digest) WHERE delete_id IS NULL`,
  `CREATE INDEX manifests_of_subject ON manifests (repository_id, subject, digest) WHERE delete_id IS NULL AND subject IS NOT NULL`,
  `CREATE TABLE manifest_counters (
     manifest_id    {int} NOT NULL PRIMARY KEY REFERENCES manifests (id),
     pull_count     {int} NOT NULL DEFAULT 0,
     push_count     {int} NOT NULL DEFAULT 0,
     last_pushed_at {int},
     last_pulled_at {int}
   {end}`,
  `CREATE TABLE manifest_edges (
     manifest_id   {int} NOT NULL REFERENCES manifests (id),
     position      {int} NOT NULL,
     repository_id {int} NOT NULL,
     kind          {text} NOT NULL CHECK (kind IN ('config', 'layer', 'child', 'subject')),
     digest        {text} NOT NULL,
     media_type    {text} NOT NULL,
     size          {int} NOT NULL,
     PRIMARY KEY (manifest_id, position)
   {end}`,
  `CREATE INDEX manifest_edges_to ON manifest_edges (repository_id, digest, kind)`,
  `CREATE TABLE tags (
     id            {id},
     repository_id {int} NOT NULL REFERENCES repositories (id),
     name          {text} NOT NULL,
     manifest_id   {int} NOT NULL REFERENCES manifests (id),
     updated_at    {int} NOT NULL,
     delete_id     {int} REFERENCES deletions (id)
   {end}`,
  `CREATE UNIQUE INDEX tags_live_name ON tags (repository_id, name) WHERE delete_id IS NULL`,
  `CREATE INDEX tags_of_manifest ON tags (manifest_id)`,
  `CREATE TABLE tag_moves (
     id            {id},
     repository_id {int} NOT NULL REFERENCES repositories (id),
     tag           {text} NOT NULL,
     from_digest   {text},                            -- NULL: the tag was new
     to_digest     {text},                            -- NULL: the tag was deleted
     moved_by      {text} NOT NULL,
     moved_at      {int} NOT NULL
   {end}`,
  `CREATE INDEX tag_moves_of_tag ON tag_moves (repository_id, tag, id)`,

  // blobs
  `CREATE TABLE blobs (
     id          {id},
     registry_id {int} NOT NULL REFERENCES registries (id),
     digest      {text} NOT NULL,
     size        {int} NOT NULL,
     state       {text} NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'deleting')),
     created_at  {int} NOT NULL
   {end}`,
  `CREATE UNIQUE INDEX blobs_live_digest ON blobs (registry_id, digest) WHERE state = 'live'`,
  `CREATE TABLE objects (
     id           {text} NOT NULL PRIMARY KEY,        -- 32 random hexadecimal digits: the name in the store
     registry_id  {int} NOT NULL REFERENCES registries (id),
     data_key_id  {int} NOT NULL REFERENCES data_keys (id),
     state        {text} NOT NULL CHECK (state IN ('writing', 'stored', 'deleting')),
     size         {int} NOT NULL DEFAULT 0,           -- plaintext bytes, final once stored
     upload_id    {text},                             -- until a blob owns it
     lease_until  {int} NOT NULL,                     -- of the writer; meaningless once stored
     created_at   {int} NOT NULL
   {end}`,
  `CREATE INDEX objects_unsettled ON objects (state, lease_until) WHERE state <> 'stored'`,
  `CREATE INDEX objects_of_upload ON objects (upload_id) WHERE upload_id IS NOT NULL`,
  `CREATE TABLE blob_objects (
     blob_id   {int} NOT NULL REFERENCES blobs (id),
     position  {int} NOT NULL,
     object_id {text} NOT NULL UNIQUE REFERENCES objects (id),
     start     {int} NOT NULL,                        -- plaintext offset of its first byte in the blob
     size      {int} NOT NULL,
     PRIMARY KEY (blob_id, position)
   {end}`,
  `CREATE TABLE repository_blobs (
     id            {id},
     repository_id {int} NOT NULL REFERENCES repositories (id),
     digest        {text} NOT NULL,
     blob_id       {int} NOT NULL REFERENCES blobs (id),
     lease_until   {int} NOT NULL,
     created_at    {int} NOT NULL,
     delete_id     {int} REFERENCES deletions (id)
   {end}`,
  `CREATE UNIQUE INDEX repository_blobs_live_digest ON repository_blobs (repository_id, digest) WHERE delete_id IS NULL`,
  `CREATE INDEX repository_blobs_of_blob ON repository_blobs (blob_id)`,

  // uploads
  `CREATE TABLE uploads (
     id             {text} NOT NULL PRIMARY KEY,      -- UUID v4, in the path
     registry_id    {int} NOT NULL REFERENCES registries (id),
     repository     {text} NOT NULL,                  -- name: the repository's row is made at commit
     principal      {text} NOT NULL,                  -- who opened it: kind:id, the only one who may continue
     state          {text} NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'committed')),
     committed_as   {text},                           -- digest, so that a repeated PUT is answered alike
     algorithm      {text} NOT NULL,
     size           {int} NOT NULL DEFAULT 0,         -- bytes acknowledged
     digest_so_far  {text},                           -- of exactly those bytes, in that algorithm; NULL: nobody knows
     object_count   {int} NOT NULL DEFAULT 0,
     generation     {int} NOT NULL DEFAULT 0,         -- rises with every writer: an older one's commit fails
     created_at     {int} NOT NULL,
     updated_at     {int} NOT NULL
   {end}`,
  `CREATE INDEX uploads_idle ON uploads (updated_at)`,
  `CREATE TABLE upload_objects (
     upload_id {text} NOT NULL REFERENCES uploads (id),
     position  {int} NOT NULL,
     object_id {text} NOT NULL UNIQUE REFERENCES objects (id),
     size      {int} NOT NULL,
     PRIMARY KEY (upload_id, position)
   {end}`,

  // what may be forgotten
  `CREATE TABLE gc_candidates (
     id           {id},
     registry_id  {int} NOT NULL,
     kind         {text} NOT NULL CHECK (kind IN ('blob', 'link', 'manifest', 'deletion')),
     subject_id   {int} NOT NULL,                     -- blobs.id, repository_blobs.id, manifests.id or deletions.id
     reason       {text} NOT NULL,
     review_after {int} NOT NULL,
     review_count {int} NOT NULL DEFAULT 0
   {end}`,
  `CREATE INDEX gc_candidates_due ON gc_candidates (review_after)`,
  `CREATE TABLE gc_receipts (
     id             {id},
     registry_id    {int} NOT NULL,
     digest         {text} NOT NULL,
     size           {int} NOT NULL,
     last_referrer  {text},
     unreferenced_by {text},
     unreferenced_at {int},
     deleted_at     {int} NOT NULL
   {end}`,
  `CREATE INDEX gc_receipts_of_digest ON gc_receipts (registry_id, digest)`,

  // work, events, records
  `CREATE TABLE jobs (
     id           {id},
     kind         {text} NOT NULL,
     payload      {text} NOT NULL DEFAULT '{}',
     dedupe_key   {text},
     state        {text} NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'dead')),
     run_after    {int} NOT NULL,
     lease_until  {int},
     attempts     {int} NOT NULL DEFAULT 0,
     max_attempts {int} NOT NULL DEFAULT 10,
     last_error   {text},
     created_at   {int} NOT NULL
   {end}`,
  `CREATE UNIQUE INDEX jobs_dedupe ON jobs (kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND state = 'ready'`,
  `CREATE INDEX jobs_due ON jobs (state, run_after)`,
  `CREATE TABLE schedules (
     name        {text} NOT NULL PRIMARY KEY,
     next_run_at {int} NOT NULL,
     lease_until {int} NOT NULL DEFAULT 0,
     last_run_at {int},
     last_error  {text}
   {end}`,
  `CREATE TABLE outbox (
     id         {id},
     kind       {text} NOT NULL,
     payload    {text} NOT NULL,
     created_at {int} NOT NULL
   {end}`,
  `CREATE TABLE audit_events (
     id          {id},
     at          {int} NOT NULL,
     contract_id {int},                               -- NULL: nobody's, such as a refused login
     registry_id {int},
     actor       {text} NOT NULL,
     action      {text} NOT NULL,                     -- registry.create, token.disable, manifest.delete, login.refused …
     subject     {text} NOT NULL,
     address     {text},
     outcome     {text} NOT NULL DEFAULT 'ok' CHECK (outcome IN ('ok', 'refused')),
     count       {int} NOT NULL DEFAULT 1,            -- refusals are aggregated per minute, address and subject
     detail      {text}                               -- JSON
   {end}`,
  `CREATE INDEX audit_events_of_contract ON audit_events (contract_id, id)`,
  `CREATE UNIQUE INDEX audit_refusals ON audit_events (at, address, actor, action, subject) WHERE outcome = 'refused'`,
  `CREATE TABLE usage (
     registry_id {int} NOT NULL PRIMARY KEY REFERENCES registries (id),
     live_bytes  {int} NOT NULL DEFAULT 0,            -- plaintext bytes of live blobs, each once; as of updated_at
     stale       {int} NOT NULL DEFAULT 0,            -- 1: something has changed since; a job adds up anew
     updated_at  {int} NOT NULL
   {end}`,
]
