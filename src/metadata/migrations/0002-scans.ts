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

  // The verdict on a manifest; no row: not scanned yet. Small: each re-evaluation writes it anew.
  `CREATE TABLE scans (
     manifest_id      {int} NOT NULL PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
     status           {text} NOT NULL CHECK (status IN ('scanned', 'unknown', 'not_applicable')),
     reason           {text},                            -- for people; NULL if scanned
     scanned_at       {int} NOT NULL,                    -- of this verdict, also when no layer was read for it
     analyzer_version {int} NOT NULL,
     snapshot         {text},                            -- id of the advisories it was judged by; NULL: none
     lowest_layer     {text},                            -- digest of the image's first layer
     traits           {text},                            -- JSON: ImageTraits; NULL: no advisories change the verdict
     problems         {text} NOT NULL,                   -- JSON: those of matching
     verdicts         {text} NOT NULL                    -- JSON: [package, verdict] of each package of which something is said
   {end}`,
  `CREATE TABLE scan_inventories (
     manifest_id {int} NOT NULL PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
     inventory   {bytes} NOT NULL                        -- Inventory: all that was read of it
   {end}`,

  // Packages as advisories see them, each once however many images hold it. Keys are hashes: names in images may be of any length.
  `CREATE TABLE judged_packages (
     id        {id},
     key       {text} NOT NULL UNIQUE,                   -- of all that follows
     ecosystem {text} NOT NULL,
     subjects  {text} NOT NULL,                          -- JSON: [name, version] of it, and of its source if advisories name that
     module    {text},                                   -- an rpm's stream; NULL: none
     label     {text} NOT NULL                           -- what people call it: 'deb debian/libssl3 3.0.11-1'
   {end}`,
  `CREATE INDEX judged_packages_of_ecosystem ON judged_packages (ecosystem)`,
  // A new advisory asks this.
  `CREATE TABLE judged_subjects (
     subject    {text} NOT NULL,                         -- hash of ecosystem and name
     package_id {int} NOT NULL REFERENCES judged_packages (id) ON DELETE CASCADE,
     PRIMARY KEY (subject, package_id)
   {keyed}`,
  `CREATE INDEX judged_subjects_of_package ON judged_subjects (package_id)`,

  // What was ever said of a package, each text once. Nothing refers to it but scans.verdicts: unused ones are swept.
  `CREATE TABLE package_verdicts (
     id      {id},
     key     {text} NOT NULL UNIQUE,                     -- hash of the content
     summary {text} NOT NULL,                            -- JSON: what counts and filters need of its findings
     content {bytes} NOT NULL,                           -- PackageVerdict
     used_at {int} NOT NULL                              -- somebody was given its id then, or at most an hour later
   {end}`,

  `CREATE TABLE image_packages (
     package_id  {int} NOT NULL REFERENCES judged_packages (id),
     manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
     PRIMARY KEY (package_id, manifest_id)
   {keyed}`,
  `CREATE INDEX image_packages_of_manifest ON image_packages (manifest_id)`,

  // In which manifests a vulnerability was found, by each of its names.
  `CREATE TABLE image_vulnerabilities (
     registry_id   {int} NOT NULL REFERENCES registries (id),
     vulnerability {text} NOT NULL,
     manifest_id   {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
     PRIMARY KEY (registry_id, vulnerability, manifest_id)
   {keyed}`,
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
     rematched_at {int},                                 -- all that it concerns and that is in use was judged by it
     writer       {text},                                -- who puts its parts here; NULL once it is done
     written_at   {int}                                  -- while writing: when the last part came
   {end}`,
  `CREATE UNIQUE INDEX advisory_snapshots_active ON advisory_snapshots (state) WHERE state = 'active'`,
  `CREATE TABLE advisory_snapshot_parts (
     snapshot_id {text} NOT NULL REFERENCES advisory_snapshots (id) ON DELETE CASCADE,
     position    {int} NOT NULL,
     content     {bytes} NOT NULL,                       -- of the file, compressed
     PRIMARY KEY (snapshot_id, position)
   {end}`,
  // Each time another one became active: what was known before may come back, so the ids of snapshots do not order them.
  `CREATE TABLE advisory_changes (
     id            {id},
     from_snapshot {text},                               -- NULL: there was none
     to_snapshot   {text} NOT NULL,
     at            {int} NOT NULL,
     changes       {bytes}                               -- SnapshotChanges; NULL: everything may differ
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
