/** What no terminal should obey, and what reorders text: whoever makes an image writes names, versions and paths. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu

/** Text of strangers for a line on a terminal, at most so long. */
export function printable(text: string, most = 200): string {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text
  return cut.toWellFormed().replaceAll(/\s+/g, ' ').replaceAll(UNSEEN, '�')
}
