/**
 * Gives the memory of `bytes` back now instead of when V8 collects, which it seldom does. Nobody may look at them again, and no system call
 * may still hold them. Nothing happens to a part of a larger buffer: others may live in it.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && bytes.length > 0 && bytes.length === buffer.byteLength) buffer.transfer(0)
}
