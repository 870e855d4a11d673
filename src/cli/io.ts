import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Io } from './command.ts'

export interface Streams {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WritableStream
  readonly errors: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** Results to `output`, everything said to people to `errors`, so that a pipe gets results alone. */
export function createIo({ input, output, errors }: Streams): Io {
  const interactive = input.isTTY === true && errors.isTTY === true
  const piped = interactive ? null : linesOf(input)
  return {
    interactive,
    out: (text) => void output.write(`${text}\n`),
    pour: (chunks) => pipeline(chunks, output, { end: false }),
    err: (text) => void errors.write(`${text}\n`),
    ask: async (prompt, { hidden }) => {
      if (piped !== null) return await piped()
      return await (hidden ? typedUnseen(input, prompt, errors) : typed(input, prompt, errors))
    },
  }
}

/** What is piped in, one line for each call. */
function linesOf(input: NodeJS.ReadableStream): () => Promise<string> {
  let rest = ''
  return async () => {
    input.setEncoding('utf8')
    while (!rest.includes('\n')) {
      const chunk = await nextChunk(input)
      if (chunk === null) break
      rest += chunk
    }
    const [line = ''] = rest.split('\n', 1)
    rest = rest.slice(line.length + 1)
    return line.replace(/\r$/, '')
  }
}

/** Null at the end. */
async function nextChunk(input: NodeJS.ReadableStream): Promise<string | null> {
  if (!input.readable) return null
  const stop = new AbortController()
  const { signal } = stop
  try {
    const data = once(input, 'data', { signal }).then(([chunk]) => String(chunk))
    const end = once(input, 'end', { signal }).then(() => null)
    input.resume()
    return await Promise.race([data, end])
  } finally {
    input.pause() // or the process would wait for the end of the pipe
    stop.abort()
  }
}

async function typedUnseen(
  input: NodeJS.ReadableStream,
  prompt: string,
  errors: NodeJS.WritableStream,
): Promise<string> {
  errors.write(prompt)
  try {
    return await typed(input, '', new Writable({ write: (_echo, _encoding, done) => done() }))
  } finally {
    errors.write('\n')
  }
}

/** Empty when the person ends the input instead. */
async function typed(input: NodeJS.ReadableStream, prompt: string, echo: NodeJS.WritableStream): Promise<string> {
  const reader = createInterface({ input, output: echo, terminal: true, prompt })
  reader.prompt()
  try {
    const line = once(reader, 'line').then(([text]) => String(text))
    const end = once(reader, 'close').then(() => '')
    return await Promise.race([line, end])
  } finally {
    reader.close()
  }
}
