import type { Reader, Transaction } from '../metadata-store.ts'
import { forShare } from '../sql.ts'

/** Facts about the whole installation. */
export type SettingName =
  | 'installation_id'
  | 'key_check'
  | 'metadata_snapshot' // JSON: the newest one in the store
  | 'restoring' // the snapshot whose rows are being brought back: nobody may start here

export async function findSetting(sql: Reader, name: SettingName): Promise<string | null> {
  const row = await sql.get<{ value: string }>`SELECT value FROM settings WHERE name = ${name}`
  return row?.value ?? null
}

/** Nobody changes it until the transaction ends. */
export async function holdSetting(sql: Transaction, name: SettingName): Promise<string | null> {
  const row = await sql.get<{ value: string }>`SELECT value FROM settings WHERE name = ${name} ${forShare(sql)}`
  return row?.value ?? null
}

/** The value that is there from now on: the given one, or the one that somebody else put there first. */
export async function settleSetting(sql: Transaction, name: SettingName, value: string): Promise<string> {
  await sql.run`INSERT INTO settings (name, value) VALUES (${name}, ${value}) ON CONFLICT DO NOTHING`
  return (await findSetting(sql, name)) ?? value
}

/** False when it is no longer `from`. */
export async function changeSetting(sql: Transaction, name: SettingName, from: string, to: string): Promise<boolean> {
  return (await sql.run`UPDATE settings SET value = ${to} WHERE name = ${name} AND value = ${from}`) === 1
}

export async function replaceSetting(sql: Transaction, name: SettingName, value: string): Promise<void> {
  await sql.run`
    INSERT INTO settings (name, value) VALUES (${name}, ${value}) ON CONFLICT (name) DO UPDATE SET value = ${value}`
}

export async function forgetSetting(sql: Transaction, name: SettingName): Promise<void> {
  await sql.run`DELETE FROM settings WHERE name = ${name}`
}
