import { acceptOf } from './call-options.ts';
import { ApiError, ConnectionError } from './errors.ts';
import type { KubeObject } from './objects.ts';
import { apiVersionOf, resourcePath } from './resource.ts';
import type { Resource } from './resource.ts';
import type { Transport } from './transport.ts';

/** Which objects a reflector or a watch is about. */
export interface Selection {
  resource: Resource;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Only `metadata` is sent: enough to know that something exists, a tenth of the bytes. */
  metadataOnly?: boolean;
}

/** One event of a watch. A bookmark's object carries the resource version and little else. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: KubeObject;
}

/** How to watch. */
export interface WatchOptions {
  /** Start after this version. Undefined: first everything that exists, up to a bookmark that `endsInitialEvents`. */
  resourceVersion: string | undefined;
  /** When the server is to end the watch, in seconds. */
  timeoutSeconds: number;
  signal: AbortSignal;
  onOpen?: () => void;
}

/**
 * A healthy watch says something at least about once a minute: the API server sends bookmarks that often. Another 90 s
 * are for a busy server; then the connection is taken for dead, whatever TCP believes.
 */
const silenceMs = 150_000;

/**
 * The events of one watch, until the server ends it.
 * @throws what `Transport.lines` throws; ApiError for an ERROR event; ConnectionError `UNREADABLE` for a line that is not
 * an event: something may have been missed then, so only a new list helps.
 */
export async function* watch(
  transport: Transport,
  selection: Selection,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void, undefined> {
  const { resource, namespace, labelSelector, fieldSelector, metadataOnly } = selection;
  const { resourceVersion, timeoutSeconds, signal, onOpen } = options;
  const path = resourcePath(resource, namespace === undefined ? {} : { namespace });
  const initial = resourceVersion === undefined;
  const lines = transport.lines({
    path,
    query: {
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds,
      labelSelector,
      fieldSelector,
      resourceVersion,
      // Without a version and with this match the server streams a list that is as fresh as a quorum read.
      sendInitialEvents: initial ? true : undefined,
      resourceVersionMatch: initial ? 'NotOlderThan' : undefined,
    },
    accept: acceptOf(metadataOnly, 'object'),
    signal,
    silenceMs,
    ...(onOpen !== undefined && { onOpen }),
  });
  for await (const line of lines) yield eventOf(line, path, resource);
}

/** Whether a bookmark says that all existing objects have been sent. */
export function endsInitialEvents(event: WatchEvent): boolean {
  return event.type === 'BOOKMARK' && event.object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
}

/**
 * The object with its own `apiVersion` and `kind`: built-in kinds lack them in list items, and metadata-only objects
 * carry those of PartialObjectMetadata.
 */
export function withKind(object: KubeObject, resource: Resource): KubeObject {
  object.apiVersion = apiVersionOf(resource);
  object.kind = resource.kind;
  return object;
}

function eventOf(line: string, path: string, resource: Resource): WatchEvent {
  const event = parse(line);
  if (event?.type === 'ERROR') {
    const code = (event.object as { code?: unknown } | undefined)?.code;
    throw new ApiError({ method: 'WATCH', path, status: typeof code === 'number' ? code : 500, body: event.object });
  }
  if (event === undefined || !isWatchEvent(event)) {
    // The line is not quoted: it may hold a Secret.
    throw new ConnectionError('WATCH', path, 'UNREADABLE', `a line of ${line.length} characters is not a watch event`);
  }
  return { type: event.type, object: withKind(event.object, resource) };
}

function parse(line: string): { type?: unknown; object?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isWatchEvent(event: { type?: unknown; object?: unknown }): event is WatchEvent {
  const { type, object } = event;
  const known = type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';
  const metadata = (object as { metadata?: { resourceVersion?: unknown } } | undefined)?.metadata;
  return known && typeof metadata?.resourceVersion === 'string';
}
