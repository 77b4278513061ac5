import { describe, expect, it } from 'vitest';
import type { DittoServer, DittoServerStatus } from '../api/types.ts';
import { PrometheusMetrics } from './operator-metrics.ts';
import { Registry } from './prometheus.ts';
import { ServerMetrics } from './server-metrics.ts';
import { WorkTracker } from './work-tracker.ts';

const CREATED = '2026-01-01T00:00:00Z';

function server(status?: DittoServerStatus, uid = 'u1'): DittoServer {
  return {
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name: 'files', namespace: 'x', uid, generation: 1, creationTimestamp: CREATED },
    spec: { storage: { metadataSize: '1Gi' } },
    ...(status && { status }),
  };
}

function status(ready: 'True' | 'False', phase: DittoServerStatus['phase'] = ready === 'True' ? 'Running' : 'Pending') {
  const condition = (type: string) => ({ type, status: ready, reason: 'X', message: '', lastTransitionTime: CREATED });
  return {
    phase,
    databaseMode: 'Percona',
    conditions: [condition('Ready'), condition('DatabaseReady')],
  } satisfies DittoServerStatus;
}

async function samples(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe("the operator's metrics", () => {
  it('have the names and labels of controller-runtime and client-go', async () => {
    const metrics = new PrometheusMetrics('1.2.3');
    metrics.maxConcurrent('dittoserver', 10);
    metrics.activeWorkers('dittoserver', 2);
    metrics.reconciled('dittoserver', 'success', 0.02, false);
    metrics.reconciled('dittoserver', 'error', 0.02, true);
    metrics.depth('dittoserver', 3);
    metrics.added('dittoserver');
    metrics.waited('dittoserver', 0.001);
    metrics.worked('dittoserver', 0.001);
    metrics.retried('dittoserver');
    metrics.requestEnded({ code: '200', method: 'GET', host: 'a:443' });
    metrics.leading('dittofs-operator', true);
    const lines = await samples(metrics.registry);
    const expected = [
      'controller_runtime_reconcile_total{controller="dittoserver",result="success"} 1',
      'controller_runtime_reconcile_total{controller="dittoserver",result="requeue_after"} 0',
      'controller_runtime_reconcile_total{controller="dittoserver",result="error"} 1',
      'controller_runtime_reconcile_errors_total{controller="dittoserver"} 1',
      'controller_runtime_terminal_reconcile_errors_total{controller="dittoserver"} 1',
      'controller_runtime_reconcile_time_seconds_count{controller="dittoserver"} 2',
      'controller_runtime_active_workers{controller="dittoserver"} 2',
      'controller_runtime_max_concurrent_reconciles{controller="dittoserver"} 10',
      'workqueue_depth{name="dittoserver"} 3',
      'workqueue_adds_total{name="dittoserver"} 1',
      'workqueue_queue_duration_seconds_count{name="dittoserver"} 1',
      'workqueue_work_duration_seconds_count{name="dittoserver"} 1',
      'workqueue_retries_total{name="dittoserver"} 1',
      'workqueue_unfinished_work_seconds{name="dittoserver"} 0',
      'workqueue_longest_running_processor_seconds{name="dittoserver"} 0',
      'rest_client_requests_total{code="200",method="GET",host="a:443"} 1',
      'leader_election_master_status{name="dittofs-operator"} 1',
    ];
    expect(lines).toEqual(expect.arrayContaining(expected));
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_open_fds']) {
      expect(lines.some((line) => line.startsWith(`${name} `))).toBe(true);
    }
  });

  it('are those of one operator: two do not share a registry', async () => {
    const one = new PrometheusMetrics('1');
    one.retried('q');
    expect(await new PrometheusMetrics('1').registry.metrics()).not.toContain('workqueue_retries_total{');
  });
});

describe('metrics of each DittoServer', () => {
  it('follow its status and go with it', async () => {
    const registry = new Registry();
    const metrics = new ServerMetrics(registry);
    metrics.settled(server(), status('False'));
    metrics.settled(server(status('False')), status('True'));
    const lines = await samples(registry);
    expect(lines).toContain('dittofs_server_ready{namespace="x",name="files"} 1');
    expect(lines).toContain('dittofs_server_database_ready{namespace="x",name="files"} 1');
    expect(lines.filter((line) => line.startsWith('dittofs_server_info'))).toEqual([
      'dittofs_server_info{namespace="x",name="files",database_mode="Percona",phase="Running"} 1',
    ]);
    metrics.gone('x/files');
    expect((await samples(registry)).filter((line) => line.includes('name="files"'))).toEqual([]);
  });

  async function timesToReady(tell: (metrics: ServerMetrics) => void) {
    const registry = new Registry();
    tell(new ServerMetrics(registry, () => Date.parse(CREATED) + 42_000));
    const lines = await samples(registry);
    const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
    return [value('dittofs_server_time_to_ready_seconds_count'), value('dittofs_server_time_to_ready_seconds_sum')];
  }

  it('measure the first time that it is ready, and no later one', async () => {
    const times = timesToReady((metrics) => {
      metrics.settled(server(), status('False'));
      metrics.settled(server(status('False')), status('True'));
      metrics.settled(server(status('True')), status('False'));
      metrics.settled(server(status('False')), status('True'));
    });
    expect(await times).toEqual([1, 42]);
  });

  it('do not measure one whose start this process has not seen, or that is wanted stopped', async () => {
    expect(await timesToReady((metrics) => metrics.settled(server(status('False')), status('True')))).toEqual([0, 0]);
    expect(await timesToReady((metrics) => metrics.settled(server(), status('True', 'Stopped')))).toEqual([0, 0]);
  });

  it('measure a new one of the same name', async () => {
    const times = timesToReady((metrics) => {
      metrics.settled(server(), status('True'));
      metrics.settled(server(undefined, 'u2'), status('True'));
    });
    expect(await times).toEqual([2, 84]);
  });
});

describe('work under way', () => {
  it('is told apart by how long it took', () => {
    let now = 0;
    const work = new WorkTracker(() => now);
    work.begun();
    now = 10;
    work.begun();
    now = 15;
    expect([work.unfinished(), work.longest()]).toEqual([20, 15]);
    work.ended(5);
    expect([work.unfinished(), work.longest()]).toEqual([15, 15]);
    work.ended(15);
    work.ended(1);
    expect([work.unfinished(), work.longest()]).toEqual([0, 0]);
  });
});
