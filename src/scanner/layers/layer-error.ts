/** The layer cannot be read to its end, so what the image holds cannot be told. `message` is shown in reports. */
export class LayerError extends Error {
  override readonly name = 'LayerError'
}
