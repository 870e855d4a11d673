// 0002, part of `control-plane`: quotas, and how much was stored and moved on which day. The words in braces: 0001.
// Days are counted from 1970-01-01, UTC. Definitions: docs/usage.md.
export const usage: readonly string[] = [
  `ALTER TABLE contracts ADD COLUMN quota_bytes {int}`, //  NULL: no limit
  `ALTER TABLE registries ADD COLUMN quota_bytes {int}`, // NULL: no limit
  `CREATE INDEX contracts_limited ON contracts (id) WHERE quota_bytes IS NOT NULL`,
  `CREATE INDEX registries_limited ON registries (id) WHERE quota_bytes IS NOT NULL AND delete_id IS NULL`,
  `CREATE INDEX registries_deleted ON registries (contract_id) WHERE delete_id IS NOT NULL`,
  `ALTER TABLE usage ADD COLUMN quarantined_bytes {int} NOT NULL DEFAULT 0`,
  `ALTER TABLE usage ADD COLUMN reclaimable_bytes {int} NOT NULL DEFAULT 0`,
  // `stale` may also be 2: a sum is being made, and nothing has changed since it began.
  `ALTER TABLE usage ADD COLUMN round {int} NOT NULL DEFAULT 0`, //    sums that were begun
  `ALTER TABLE usage ADD COLUMN begun_at {int} NOT NULL DEFAULT 0`, // the last of them
  `ALTER TABLE usage ADD COLUMN stored {int} NOT NULL DEFAULT 0`, //   sums that were stored; 0: the figures are those of none
  `ALTER TABLE usage ADD COLUMN cost_ms {int} NOT NULL DEFAULT 0`, //  what the last sum took: a dear one is made less often
  `CREATE INDEX usage_stale ON usage (updated_at) WHERE stale <> 0`,
  `CREATE TABLE quota_turns (
     contract_id {int} NOT NULL PRIMARY KEY REFERENCES contracts (id) ON DELETE CASCADE
   {end}`, // locked by whoever decides about room in a contract with quotas
  `CREATE TABLE quota_reservations (
     upload_id   {text} NOT NULL PRIMARY KEY REFERENCES uploads (id) ON DELETE CASCADE,
     registry_id {int} NOT NULL,
     bytes       {int} NOT NULL                       -- what the session may have in all
   {end}`,
  `CREATE INDEX quota_reservations_of_registry ON quota_reservations (registry_id)`,
  `CREATE TABLE usage_pending (
     blob_id     {int} NOT NULL PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
     registry_id {int} NOT NULL,
     bytes       {int} NOT NULL                       -- of a blob that counts from now on, but is in no sum yet
   {end}`,
  `CREATE INDEX usage_pending_of_registry ON usage_pending (registry_id)`,
  `CREATE TABLE usage_days (
     registry_id       {int} NOT NULL REFERENCES registries (id) ON DELETE CASCADE,
     day               {int} NOT NULL,
     pulls             {int} NOT NULL DEFAULT 0,
     pushes            {int} NOT NULL DEFAULT 0,
     live_bytes        {int},                         -- the day's last figures; NULL: as on the day before
     quarantined_bytes {int},
     reclaimable_bytes {int},
     PRIMARY KEY (registry_id, day)
   {end}`,
  `CREATE INDEX usage_days_old ON usage_days (day)`,
  `CREATE TABLE repository_days (
     repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
     day           {int} NOT NULL,
     pulls         {int} NOT NULL DEFAULT 0,
     pushes        {int} NOT NULL DEFAULT 0,
     PRIMARY KEY (repository_id, day)
   {end}`,
  `CREATE INDEX repository_days_old ON repository_days (day)`,
  // The audit log has pages: newest first, of all a contract's events or of those of one action.
  `ALTER TABLE audit_events ADD COLUMN public_id {text} NOT NULL DEFAULT ''`,
  `UPDATE audit_events
      SET public_id = '00000000-0000-4000-8000-' ||
                      substr('000000000000' || CAST(id AS TEXT), length(CAST(id AS TEXT)) + 1)`,
  `CREATE INDEX audit_events_by_time ON audit_events (contract_id, at, id)`,
  `CREATE INDEX audit_events_by_action ON audit_events (contract_id, action, at, id)`,
  `DROP INDEX audit_events_of_contract`,
]
