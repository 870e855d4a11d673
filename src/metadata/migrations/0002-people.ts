// 0002, part of `control-plane`: contracts, operators, links, sessions and single sign-on. The words in braces: 0001.
export const people: readonly string[] = [
  `ALTER TABLE contracts ADD COLUMN deleted_at {int}`,
  `ALTER TABLE contracts ADD COLUMN max_token_lifetime_ms {int}`, // NULL: registry tokens may live for ever
  `ALTER TABLE identities ADD COLUMN is_operator {int} NOT NULL DEFAULT 0`,
  `UPDATE identities SET is_operator = 1
    WHERE id IN (SELECT identity_id FROM memberships WHERE contract_id = 1 AND role = 'owner')`,
  `ALTER TABLE sessions ADD COLUMN public_id {text}`,
  `ALTER TABLE sessions ADD COLUMN user_agent {text}`,
  `ALTER TABLE sessions ADD COLUMN bound {int} NOT NULL DEFAULT 0`, // 1: opens contract_id only (single sign-on)
  `ALTER TABLE api_keys ADD COLUMN bound {int} NOT NULL DEFAULT 0`, // 1: made in a bound session: never an operator's
  `CREATE UNIQUE INDEX sessions_public_id ON sessions (public_id) WHERE public_id IS NOT NULL`,
  `CREATE UNIQUE INDEX api_keys_name ON api_keys (contract_id, identity_id, name) WHERE revoked_at IS NULL`,
  `CREATE INDEX api_keys_of_contract ON api_keys (contract_id, id) WHERE revoked_at IS NULL`,
  `CREATE INDEX sessions_of_contract ON sessions (contract_id)`,
  `DROP INDEX audit_refusals`, // it counted what was alike in two contracts in one row, which only one of them saw
  `CREATE UNIQUE INDEX audit_refusals_of_contract
      ON audit_events (at, address, actor, action, subject, COALESCE(contract_id, 0), COALESCE(registry_id, 0))
   WHERE outcome = 'refused'`,
  `CREATE TABLE account_links (
     id              {id},
     secret_hash     {text} NOT NULL UNIQUE,
     public_id       {text} NOT NULL UNIQUE,
     kind            {text} NOT NULL CHECK (kind IN ('invite', 'reset')),
     contract_id     {int} REFERENCES contracts (id), -- NULL: a reset that the operator made
     identity_id     {int} REFERENCES identities (id),-- NULL: an invitation of somebody unknown
     email           {text} NOT NULL,                 -- lower case
     role            {text} CHECK (role IN ('owner', 'admin', 'member')),
     manage_registry {int} NOT NULL DEFAULT 0,
     created_by      {text} NOT NULL,
     created_by_id   {int} REFERENCES identities (id),-- whose standing it hangs on; NULL: made at the machine itself
     created_at      {int} NOT NULL,
     expires_at      {int} NOT NULL,
     used_at         {int}
   {end}`,
  `CREATE INDEX account_links_of_contract ON account_links (contract_id, id) WHERE used_at IS NULL`,
  `CREATE INDEX account_links_of_identity ON account_links (identity_id) WHERE used_at IS NULL`,
  `CREATE INDEX account_links_made_by ON account_links (created_by_id) WHERE used_at IS NULL`,
  `CREATE INDEX account_links_expiring ON account_links (expires_at)`,
  `CREATE TABLE sso_providers (
     id            {id},
     contract_id   {int} NOT NULL REFERENCES contracts (id),
     public_id     {text} NOT NULL UNIQUE,
     name          {text} NOT NULL,
     issuer        {text} NOT NULL,
     client_id     {text} NOT NULL,
     client_secret {bytes},                           -- sealed by the master key; NULL: a public client
     scopes        {text} NOT NULL,                   -- JSON array
     groups_claim  {text} NOT NULL,
     role_mapping  {text} NOT NULL DEFAULT '[]',      -- JSON [{group, role, manageRegistry}], the highest that fits counts
     default_role  {text} CHECK (default_role IN ('admin', 'member')), -- NULL: who is in no mapped group stays out
     enabled       {int} NOT NULL DEFAULT 1,
     created_at    {int} NOT NULL,
     modified_at   {int}
   {end}`,
  `CREATE UNIQUE INDEX sso_providers_name ON sso_providers (contract_id, name)`,
  `CREATE TABLE sso_subjects (
     id            {id},
     contract_id   {int} NOT NULL REFERENCES contracts (id),
     issuer        {text} NOT NULL,
     subject       {text} NOT NULL,
     identity_id   {int} NOT NULL REFERENCES identities (id),
     created_at    {int} NOT NULL,
     last_login_at {int},                             -- NULL: linked by hand and not seen yet
     ended_at      {int},                             -- equals memberships.disabled_at when a login without rights disabled it
     UNIQUE (contract_id, issuer, subject)
   {end}`,
  `CREATE INDEX sso_subjects_of_identity ON sso_subjects (identity_id)`,
  `CREATE TABLE sso_spent_states (
     id         {id},
     state_hash {text} NOT NULL UNIQUE,               -- a sign-on that led to a session, and must not lead to another one
     expires_at {int} NOT NULL
   {end}`,
  `CREATE INDEX sso_spent_states_expiring ON sso_spent_states (expires_at)`,
]
