// 0002, part of `control-plane`: what keeps the bytes that a backup is copying. The words in braces: 0001.
export const backup: readonly string[] = [
  `CREATE TABLE backup_holds (
     id          {text} NOT NULL PRIMARY KEY,         -- random: nobody renews another one's
     lease_until {int} NOT NULL,
     created_at  {int} NOT NULL
   {end}`,
]
