import type { ScanPart } from './scan-result.ts'

/** What `node bench/scan.mjs NAME` runs. Each is loaded by itself: what one needs takes no memory of another. */
export const SCAN_PARTS: Readonly<Record<string, { readonly what: string; readonly load: () => Promise<ScanPart> }>> = {
  import: {
    what: 'advisories taken in, opened and asked: the given ones (--advisories)',
    load: async () => (await import('./scan-import.ts')).part,
  },
  'import-large': {
    what: 'the same with a million affected rows, made up',
    load: async () => (await import('./scan-import.ts')).largePart,
  },
  rematch: {
    what: '10,000 images of 400 packages judged anew after advisories on 300 names changed',
    load: async () => (await import('./scan-rematch.ts')).rematchPart(10_000, 5),
  },
  'rematch-large': {
    what: 'the same with 100,000 images',
    load: async () => (await import('./scan-rematch.ts')).rematchPart(100_000, null),
  },
  read: {
    what: 'images read by our process and by syft, in turns',
    load: async () => (await import('./scan-read.ts')).part,
  },
  serve: {
    what: 'from a push to its report, cold and on a known base; manifests while images are scanned',
    load: async () => (await import('./scan-serve.ts')).part,
  },
}
