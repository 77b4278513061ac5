/** What the user may set on the server's pod. Kubernetes defines and checks these structures. */
import type {
  V1Affinity,
  V1NetworkPolicyPeer,
  V1PodSecurityContext,
  V1SecurityContext,
  V1Toleration,
  V1TopologySpreadConstraint,
} from '@kubernetes/client-node';
import type { Static, TSchema } from 'typebox';
import { defaults } from './defaults.ts';
import {
  flag,
  int64,
  list,
  listPassedThrough,
  localRef,
  LONG,
  object,
  oneOf,
  optional,
  passedThrough,
  resources,
  text,
  textMap,
} from './schema-parts.ts';

export const networkPolicySchema = object('NetworkPolicies that admit traffic to the server.', {
  enabled: optional(flag('Whether NetworkPolicies are created.', { default: defaults.networkPolicy.enabled })),
  from: optional(
    listPassedThrough<V1NetworkPolicyPeer>(
      'A peer as in a NetworkPolicy: podSelector, namespaceSelector or ipBlock.',
      'Who may connect; everybody when not set.',
    ),
  ),
});
export type NetworkPolicySpec = Static<typeof networkPolicySchema>;

export const podSchemas = {
  imagePullPolicy: optional(
    oneOf(['Always', 'IfNotPresent', 'Never'], "When the server's image is pulled; Kubernetes' own rule when not set."),
  ),
  imagePullSecrets: optional(
    list(localRef('A Secret of type kubernetes.io/dockerconfigjson.'), "Secrets with registries' credentials.", {
      'x-kubernetes-list-type': 'atomic',
    }),
  ),
  resources: optional(resources("Compute resources of the server's container.")),
  securityContext: optional(
    passedThrough<V1SecurityContext>(
      "Security context of the server's container. What is not set in it keeps its hardened default.",
    ),
  ),
  podSecurityContext: optional(
    passedThrough<V1PodSecurityContext>("Security context of the server's pod, instead of the default one."),
  ),
  terminationGracePeriodSeconds: optional(
    int64('How long the server may take to stop; 105 when not set, which is the most its shutdown can need.', {
      minimum: 36,
    }),
  ),
  nodeSelector: optional(textMap('Labels that a node must have.')),
  tolerations: optional(listPassedThrough<V1Toleration>('A toleration.', 'Taints that the pod tolerates.')),
  affinity: optional(passedThrough<V1Affinity>('Affinity to nodes and other pods.')),
  topologySpreadConstraints: optional(
    listPassedThrough<V1TopologySpreadConstraint>('A constraint.', 'How the pod is spread over the cluster.'),
  ),
  priorityClassName: optional(text("The pod's priority class.", { maxLength: LONG })),
  serviceAccountName: optional(text("The pod's service account; its token is not mounted.", { maxLength: LONG })),
  podLabels: optional(textMap("More labels on the pod. The operator's own win.")),
  podAnnotations: optional(textMap("More annotations on the pod. The operator's own win.")),
  networkPolicy: optional(networkPolicySchema),
} satisfies Record<string, TSchema>;
