/**
 * The DittoServer, whole. This schema is the one source of the TypeScript types, the CustomResourceDefinition and
 * the reference page. The running operator imports types from here and nothing else; values are for the commands.
 */
import type { Static } from 'typebox';
import { Type } from 'typebox';
import { defaults } from './defaults.ts';
import { identitySchema } from './schema-identity.ts';
import { int32, LONG, object, optional, text } from './schema-parts.ts';
import { perconaPGClusterRefSchema, perconaSchema } from './schema-percona.ts';
import { podSchemas } from './schema-pod.ts';
import {
  adapterDiscoverySchema,
  adapterServicesSchema,
  controlPlaneSchema,
  databaseSchema,
  formerSchemas,
  loggingSchema,
  metricsSchema,
  s3Schema,
  serviceSchema,
  snapshotPoliciesSchema,
  storageSchema,
} from './schema-server.ts';
import { statusSchema } from './schema-status.ts';

export const specSchema = object('What the user wants.', {
  image: optional(text("The server's image.", { default: defaults.image, maxLength: LONG })),
  replicas: optional(
    int32('1 to run the server, 0 to stop it. Two servers must never share one database.', {
      default: defaults.replicas,
      minimum: 0,
      maximum: 1,
    }),
  ),
  storage: storageSchema,
  percona: optional(perconaSchema),
  perconaPGClusterRef: optional(perconaPGClusterRefSchema),
  database: optional(databaseSchema),
  controlPlane: optional(controlPlaneSchema),
  identity: optional(identitySchema),
  s3: optional(s3Schema),
  service: optional(serviceSchema),
  adapterServices: optional(adapterServicesSchema),
  adapterDiscovery: optional(adapterDiscoverySchema),
  snapshotPolicies: optional(snapshotPoliciesSchema),
  metrics: optional(metricsSchema),
  logging: optional(loggingSchema),
  ...podSchemas,
  ...formerSchemas,
});
export type DittoServerSpec = Static<typeof specSchema>;

export const dittoServerSchema = object('A DittoFS file server with its control-plane database.', {
  apiVersion: optional(Type.String({ description: 'Group and version of this kind.' })),
  kind: optional(Type.String({ description: 'Kind of this object.' })),
  metadata: optional(
    // The bound is the one that Kubernetes sets for names anyway. Written here, for both fields, it is known to the
    // estimate of the rules' cost. Nothing else may be said about metadata.
    Type.Object({
      name: optional(Type.String({ maxLength: 253 })),
      generateName: optional(Type.String({ maxLength: 253 })),
    }),
  ),
  spec: optional(specSchema),
  status: optional(statusSchema),
});
