import type { Histogram, Registry } from 'prom-client'

/** How long requests took, by operation and status: a histogram for Prometheus. */
export interface RequestDurations {
  observe(request: { method: string; route: string; status: number }, seconds: number): void
}

interface Series {
  readonly labels: string
  /** How many took so long and no longer than the one before, in the order of `buckets`; the last is of all that took longer. */
  readonly counts: number[]
  count: number
  sum: number
  /** As it was when it was last asked for; undefined since something was added. */
  text: string | undefined
}

const name = 'inbox_hub_http_request_duration_seconds'
/** Upper bounds, seconds. */
const buckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30]

/**
 * prom-client's own histogram formats each of its lines anew whenever it is asked: eleven for every status of every operation, some thousands
 * on a hub in use, which took tens of milliseconds from everybody else. Of this one only what happened since is written again.
 */
export function createRequestDurations(metrics: Registry): RequestDurations {
  const all = new Map<string, Series>()
  const histogram = {
    name,
    help: 'From the arrival of a request to the end of its answer',
    type: 'histogram',
    get: () => ({ ...histogram, values: [...all.values()].map(lines) }),
    reset: () => all.clear(),
  }
  // As much of a metric as the registry asks of one.
  metrics.registerMetric(histogram as unknown as Histogram)
  return {
    observe({ method, route, status }, seconds) {
      const labels = `method="${method}",route="${route}",status="${status}"`
      let series = all.get(labels)
      if (series === undefined) {
        series = { labels, counts: [...buckets, Infinity].map(() => 0), count: 0, sum: 0, text: undefined }
        all.set(labels, series)
      }
      const found = buckets.findIndex((bound) => seconds <= bound)
      const at = found === -1 ? buckets.length : found
      series.counts[at] = (series.counts[at] ?? 0) + 1
      series.count += 1
      series.sum += seconds
      series.text = undefined
    },
  }
}

/** All lines of a series as one, whose value is that of its last: the registry writes name and value after each other. */
function lines(series: Series): { metricName: string; value: number } {
  series.text ??= textOf(series)
  return { metricName: series.text, value: series.count }
}

function textOf({ labels, counts, sum }: Series): string {
  let upTo = 0
  const bounds = [...buckets, '+Inf'].map((bound, index) => {
    upTo += counts[index] ?? 0
    return `${name}_bucket{le="${bound}",${labels}} ${upTo}\n`
  })
  return `${bounds.join('')}${name}_sum{${labels}} ${sum}\n${name}_count{${labels}}`
}
