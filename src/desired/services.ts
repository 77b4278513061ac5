/** The Services of a server. Those of its file protocols depend on which adapters listen and are not made here. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import { apiPort, metricsEnabled, metricsPath, metricsPort } from './features.ts';
import { names, ownedMetadata, selectorLabels } from './names.ts';
import { compact, type ObjectIntent } from './object.ts';

/** The headless Service that gives the pod its name in DNS. */
export function headlessService(server: DittoServer): ObjectIntent {
  return service(server, names.headlessService(server.metadata.name), {
    clusterIP: 'None',
    ports: [port('api', apiPort(server))],
  });
}

/** The Service of the REST API. */
export function apiService(server: DittoServer): ObjectIntent {
  const annotations = server.spec.service?.annotations;
  return service(
    server,
    names.apiService(server.metadata.name),
    { type: server.spec.service?.type ?? defaults.service.type, ports: [port('api', apiPort(server))] },
    { annotations },
  );
}

/**
 * The Service that Prometheus scrapes.
 *
 * @returns undefined when metrics are off.
 */
export function metricsService(server: DittoServer): ObjectIntent | undefined {
  if (!metricsEnabled(server)) return undefined;
  return service(
    server,
    names.metricsService(server.metadata.name),
    { type: 'ClusterIP', ports: [port('metrics', metricsPort(server))] },
    {
      labels: { 'dittofs.io/metrics-service': 'true' },
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(metricsPort(server)),
        'prometheus.io/path': metricsPath(server),
      },
    },
  );
}

interface Extra {
  labels?: Record<string, string>;
  annotations?: Record<string, string> | undefined;
}

function service(server: DittoServer, name: string, spec: Record<string, unknown>, extra: Extra = {}): ObjectIntent {
  const metadata = ownedMetadata(server, name);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: compact({
      ...metadata,
      labels: { ...metadata.labels, ...extra.labels },
      annotations: extra.annotations,
    }),
    spec: { selector: selectorLabels(server.metadata.name), ...spec },
  };
}

function port(name: string, number: number) {
  return { name, port: number, targetPort: name, protocol: 'TCP' };
}
