/** `<target>; rel="next"`. Parameters with an undefined value are left out. Source: RFC 8288. */
export function nextLink(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  let query = ''
  for (const name in parameters) {
    const value = parameters[name]
    if (value !== undefined) query += `${query === '' ? '?' : '&'}${name}=${encodeURIComponent(String(value))}`
  }
  return `<${path}${query}>; rel="next"`
}
