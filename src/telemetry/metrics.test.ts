import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, textOf } from './metrics.ts'

const answered = { route: 'manifest', method: 'GET', status: 200, ms: 3, bytesIn: 200, bytesOut: 1500 }

test('metrics: requests by route and status, latency, bytes', async () => {
  const metrics = createMetrics()
  metrics.request(answered)
  metrics.request({ ...answered, method: 'BREW', status: 405, bytesIn: 0, bytesOut: 0 })
  const text = await textOf([await metrics.snapshot()])
  for (const line of [
    'entrepot_http_requests_total{route="manifest",method="GET",status="200"} 1',
    'entrepot_http_requests_total{route="manifest",method="other",status="405"} 1',
    'entrepot_http_request_seconds_bucket{le="0.0025",route="manifest",method="GET"} 0',
    'entrepot_http_request_seconds_bucket{le="0.005",route="manifest",method="GET"} 1',
    'entrepot_http_received_bytes_total{route="manifest"} 200',
    'entrepot_http_sent_bytes_total{route="manifest"} 1500',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n\n${text}`)
  }
  assert.match(text, /^process_resident_memory_bytes \d+/m)
})

test('metrics: several processes are one text, and a snapshot survives being sent', async () => {
  const [one, two] = [createMetrics(), createMetrics()]
  for (const metrics of [one, two]) {
    metrics.request(answered)
    metrics.cache('segments', 'hit')
    metrics.database('read', 'ok', 0.2)
    metrics.job('settle', 'failed', 12)
    metrics.gauge('entrepot_open_uploads', 'Uploads this process receives', 'sum', async () => 3)
    metrics.gauge('entrepot_free_bytes', 'Free on the disk', 'max', () => 7)
    metrics.gauges('entrepot_age_seconds', 'Ages', 'source', async () => new Map([['osv:npm', 5]]))
  }
  const sent = JSON.parse(JSON.stringify([await one.snapshot(), await two.snapshot()]))
  const text = await textOf(sent)
  for (const line of [
    'entrepot_http_requests_total{route="manifest",method="GET",status="200"} 2',
    'entrepot_cache_requests_total{cache="segments",result="hit"} 2',
    'entrepot_age_seconds{source="osv:npm"} 5',
    'entrepot_database_seconds_count{kind="read",result="ok"} 2',
    'entrepot_job_seconds_count{job="settle",result="failed"} 2',
    'entrepot_open_uploads 6',
    'entrepot_free_bytes 7',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n\n${text}`)
  }
  assert.equal(await textOf(sent), text, 'the snapshots are left as they were')
})
