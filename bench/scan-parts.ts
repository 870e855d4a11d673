import type { ScanPart } from './scan-result.ts'

/** What `node bench/scan.mjs NAME` runs. Each is loaded by itself: what one needs takes no memory of another. */
export const SCAN_PARTS: Readonly<Record<string, { readonly what: string; readonly load: () => Promise<ScanPart> }>> = {
  import: {
    what: 'advisories taken in, opened, compared and stored: the given ones (--advisories), and a million rows made up',
    load: async () => (await import('./scan-import.ts')).part,
  },
}
