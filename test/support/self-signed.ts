import { generateKeyPairSync, sign } from 'node:crypto'

export interface SelfSigned {
  readonly cert: string
  readonly key: string
}

/** A certificate of an own P-256 key for one common name, made with Node alone: no program is needed. Source: RFC 5280, 4.1. */
export function selfSigned(commonName: string): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))
  const name = der(
    0x30,
    der(0x31, der(0x30, Buffer.concat([Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(commonName))]))),
  )
  const validity = der(0x30, Buffer.concat([utcTime('200101000000Z'), utcTime('491231235959Z')]))
  const serial = der(0x02, Buffer.from([1 + Math.floor(Math.random() * 127), Math.floor(Math.random() * 256)]))
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const toBeSigned = der(0x30, Buffer.concat([serial, ecdsaWithSha256, name, validity, name, subjectKey]))
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, privateKey)]))
  const certificate = der(0x30, Buffer.concat([toBeSigned, ecdsaWithSha256, signature]))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text))
}

/** One value: tag, length, content. Source: X.690, 8.1. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), content])
}
