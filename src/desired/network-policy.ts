/** Who may reach the server. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import { apiPort, metricsEnabled, metricsPort } from './features.ts';
import { names, ownedMetadata, selectorLabels } from './names.ts';
import { compact, type ObjectIntent } from './object.ts';

/**
 * The ports on which a fresh server listens for NFS and SMB (it seeds them into its database; DittoFS 0.29.0). They are
 * open here, because a policy that leaves them out cuts a file server off from the clients it is for.
 */
const NFS_PORT = 12049;
const SMB_PORT = 1445;

/**
 * The policy on the server's pods: ingress to its ports, from everywhere or from `spec.networkPolicy.from`.
 *
 * @returns undefined when `spec.networkPolicy.enabled` is false.
 */
export function networkPolicy(server: DittoServer): ObjectIntent | undefined {
  const { networkPolicy: spec } = server.spec;
  if (!(spec?.enabled ?? defaults.networkPolicy.enabled)) return undefined;
  const metadata = ownedMetadata(server, names.networkPolicy(server.metadata.name));
  const from = spec?.from && spec.from.length > 0 ? spec.from : undefined;
  const tcp = [apiPort(server), ...(metricsEnabled(server) ? [metricsPort(server)] : []), NFS_PORT, SMB_PORT];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { ...metadata, labels: { ...metadata.labels, 'dittofs.io/baseline-networkpolicy': 'true' } },
    spec: {
      podSelector: { matchLabels: selectorLabels(server.metadata.name) },
      policyTypes: ['Ingress'],
      ingress: [
        compact({
          from,
          ports: [...tcp.map((port) => ({ protocol: 'TCP', port })), { protocol: 'UDP', port: NFS_PORT }],
        }),
      ],
    },
  };
}
