import type { ServerResponse } from 'node:http'
import type { AnswerHeaders } from '../http/answer.ts'
import { answer } from '../http/answer.ts'
import { API_VERSION } from './headers.ts'

/** A 200 with a JSON body, and the link to its next page. */
export function answerJson(
  res: ServerResponse,
  contentType: string,
  value: unknown,
  link: string | null,
  more: AnswerHeaders = {},
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value)
  const headers: AnswerHeaders = {
    'docker-distribution-api-version': API_VERSION,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...more,
  }
  if (link !== null) headers['link'] = link
  answer(res, 200, headers, body)
}
