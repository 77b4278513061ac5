import type { Static } from 'typebox';
import { int32, int64, list, object, oneOf, optional, text } from './schema-parts.ts';

export const conditionSchema = object('One aspect of the state.', {
  type: text('Name of the aspect.', {
    maxLength: 316,
    pattern:
      '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
  }),
  status: oneOf(['True', 'False', 'Unknown'], 'Whether it holds.'),
  observedGeneration: optional(int64('The generation of the object that this was found for.', { minimum: 0 })),
  lastTransitionTime: text('When `status` last changed.', { format: 'date-time' }),
  reason: text('The cause in one word, for programs.', {
    minLength: 1,
    maxLength: 1024,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
  }),
  message: text('The cause in a sentence, for people.', { maxLength: 32768 }),
});
export type Condition = Static<typeof conditionSchema>;

export const statusSchema = object('What the operator found.', {
  observedGeneration: optional(int64('The generation that this status belongs to.')),
  phase: optional(oneOf(['Pending', 'Running', 'Failed', 'Stopped', 'Deleting'], 'Summary of the state.')),
  replicas: optional(int32('How many servers are wanted.')),
  readyReplicas: optional(int32('How many servers are ready.')),
  availableReplicas: optional(int32('How many servers are available.')),
  configHash: optional(text("Hash of the configuration that the server's pod was made with.")),
  perconaClusterName: optional(text('The PerconaPGCluster in use, created or referred to.')),
  databaseMode: optional(
    oneOf(['Percona', 'PerconaRef', 'External', 'SQLite'], "Where the control plane's database lives."),
  ),
  database: optional(
    object("The control plane's database.", {
      host: optional(text('Host of the database.')),
      name: optional(text('Name of the database.')),
      secretName: optional(text('Secret with its credentials.')),
    }),
  ),
  conditions: optional(
    list(conditionSchema, 'Aspects of the state.', {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    }),
  ),
});
export type DittoServerStatus = Static<typeof statusSchema>;
