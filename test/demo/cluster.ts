/** The cluster that the demo plays in, seen through the operator's own client: it reads every kind of kubeconfig. */
import { Client } from '../../src/kube/client.ts';
import { kubeconfigConfig } from '../../src/kube/config.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { apiVersionOf, type Resource } from '../../src/kube/resource.ts';
import { Transport } from '../../src/kube/transport.ts';
import { DemoError } from './arguments.ts';

interface ResourceList {
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

/** Kinds that say nothing about what was made: bookkeeping of controllers, and what repeats another object. */
const UNTOLD: ReadonlySet<string> = new Set(['Endpoints', 'EndpointSlice', 'ControllerRevision', 'Event', 'Lease']);

export const CRDS: Resource = {
  ...{ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
  ...{ kind: 'CustomResourceDefinition', namespaced: false },
};
export const NAMESPACES: Resource = {
  ...{ group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
};
export const NODES: Resource = {
  ...{ group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false },
};
export const DEPLOYMENTS: Resource = {
  ...{ group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
};

export class Cluster {
  readonly server: string;
  readonly transport: Transport;
  readonly client: Client;

  private constructor(server: string, transport: Transport) {
    this.server = server;
    this.transport = transport;
    this.client = new Client(transport, 'dittofs-demo');
  }

  /** @throws DemoError when the file cannot be used or nobody answers. */
  static async open(kubeconfig: string): Promise<Cluster> {
    try {
      const config = await kubeconfigConfig(kubeconfig);
      const transport = new Transport({ config, userAgent: 'dittofs-demo', timeoutMs: 15_000 });
      const cluster = new Cluster(config.server, transport);
      await cluster.client.rawGet('/version');
      return cluster;
    } catch (error) {
      const [message = ''] = (error as Error).message.split('\n');
      throw new DemoError(`The cluster of ${kubeconfig} cannot be used: ${message}`);
    }
  }

  /** The object, or undefined when it or its kind is not there. */
  async find(resource: Resource, name: string, namespace?: string): Promise<KubeObject | undefined> {
    try {
      return await this.client.get(resource, namespace === undefined ? { name } : { namespace, name });
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return undefined;
      throw error;
    }
  }

  /** Every resource that the API server serves and that can be listed. */
  async resources(): Promise<Resource[]> {
    const { groups } = (await this.#get('/apis')) as { groups: { preferredVersion: { groupVersion: string } }[] };
    const paths = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
    const lists = await Promise.all(paths.map((path) => this.#resourcesAt(path)));
    return lists.flat();
  }

  /** Every object of a namespace, of every kind, but for what is not worth telling. What may not be read is left out. */
  async objects(namespace: string): Promise<KubeObject[]> {
    const resources = (await this.resources()).filter(({ namespaced, kind }) => namespaced && !UNTOLD.has(kind));
    const lists = await Promise.allSettled(
      resources.map(async (resource) => {
        const { items } = await this.client.list(resource, { namespace });
        return items.map((item) => ({ ...item, apiVersion: apiVersionOf(resource), kind: resource.kind }));
      }),
    );
    return lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []));
  }

  async #resourcesAt(path: string): Promise<Resource[]> {
    // An aggregated API whose server is down must not spoil the rest.
    const { resources } = (await this.#get(path).catch(() => ({ resources: [] }))) as ResourceList;
    const [group = '', version = ''] = path === '/api/v1' ? ['', 'v1'] : path.split('/').slice(2);
    return resources
      .filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'))
      .map(({ name, kind, namespaced }) => ({ group, version, plural: name, kind, namespaced }));
  }

  #get(path: string): Promise<unknown> {
    return this.transport.json({ method: 'GET', path });
  }
}
