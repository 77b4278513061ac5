import { readFile } from 'node:fs/promises';
import { Client } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { Resource } from '../../src/kube/resource.ts';
import { Transport } from '../../src/kube/transport.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../control-plane/eventually.ts';

export const configMaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
export const secrets: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
export const widgets: Resource = {
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

/** Our own client of a control plane, as the admin or with another token. */
export interface Connection {
  transport: Transport;
  client: Client;
}

/** Connects with the code under test. @param token default: the admin's */
export async function connect(controlPlane: ControlPlane, token?: string): Promise<Connection> {
  const ca = await readFile(controlPlane.caFile, 'utf8');
  const authorization = (): string => `Bearer ${token ?? controlPlane.adminToken}`;
  const config = { server: controlPlane.url, ca, authorization, namespace: 'default' };
  const transport = new Transport({ config, userAgent: 'kube-test/1' });
  return { transport, client: new Client(transport, 'kube-test') };
}

/** A CRD without rules, with a status subresource. */
export const widgetCRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** Installs the CRD and waits until it is served. */
export async function installWidgets(controlPlane: ControlPlane): Promise<void> {
  await controlPlane.admin.apply(widgetCRD);
  await eventually('widgets are served', async () => {
    return (await controlPlane.admin.raw('GET', '/apis/example.com/v1/widgets')).status === 200;
  });
}

/** An object of a kind, to be applied. */
export function named(namespace: string, name: string, rest: object = {}): Pick<KubeObject, 'metadata'> {
  return { metadata: { namespace, name }, ...rest };
}
