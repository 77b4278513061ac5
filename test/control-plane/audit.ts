import { open, stat } from 'node:fs/promises';

/** One request as the API server's audit log has it. */
export interface AuditEntry {
  verb: string;
  /** Plural, `statefulsets`; empty for requests that are not about an object, such as `/readyz`. */
  resource: string;
  /** `status`, `token` …; empty for the object itself. */
  subresource: string;
  /** Empty when cluster-wide. */
  namespace: string;
  /** Empty for lists, watches and names that the server generates. */
  name: string;
  /** `system:serviceaccount:<namespace>:<name>` for ServiceAccounts. */
  user: string;
  userAgent: string;
  /** HTTP status. */
  code: number;
  requestURI: string;
  /** `ResponseStarted` comes for watches only, when they begin; their `ResponseComplete` comes when they end. */
  stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  /** When this stage was reached. */
  at: Date;
}

/** A place in the audit log, see `AuditLog.mark`. */
export type AuditMark = number & { readonly brand: 'AuditMark' };

/** The audit log of an API server, growing while it is read. */
export interface AuditLog {
  /** The file: one JSON object per line, `audit.k8s.io/v1` Event. */
  readonly file: string;
  /** Where the log ends now. */
  mark: () => Promise<AuditMark>;
  /**
   * The entries after a mark, default: all, in the order in which they were written. An entry is written just after its
   * answer was sent, so the entry of the request just made may be a moment late: wait for it with `eventually`.
   */
  since: (mark?: AuditMark) => Promise<AuditEntry[]>;
}

/** What the API server is told to log: every request and who made it, without the objects; watches also when they begin. */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    { level: 'Metadata', verbs: ['watch'], omitStages: ['RequestReceived'] },
    { level: 'Metadata', omitStages: ['RequestReceived', 'ResponseStarted'] },
  ],
};

interface Event {
  verb: string;
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  user: { username: string };
  userAgent?: string;
  responseStatus?: { code?: number };
  requestURI: string;
  stage: AuditEntry['stage'];
  stageTimestamp: string;
}

/** The audit log in a file, which need not exist yet. */
export function auditLog(file: string): AuditLog {
  return {
    file,
    // The API server writes an entry at once, so the end of the file is the end of an entry.
    mark: async () => (await stat(file).catch(() => ({ size: 0 }))).size as AuditMark,
    since: async (mark) => {
      const written = await readFrom(file, mark ?? 0);
      // All the same, a line counts only when it is whole.
      const whole = written.subarray(0, written.lastIndexOf(10) + 1).toString('utf8');
      return whole.split('\n').filter(Boolean).map(toEntry);
    },
  };
}

function toEntry(line: string): AuditEntry {
  const event = JSON.parse(line) as Event;
  return {
    verb: event.verb,
    resource: event.objectRef?.resource ?? '',
    subresource: event.objectRef?.subresource ?? '',
    namespace: event.objectRef?.namespace ?? '',
    name: event.objectRef?.name ?? '',
    user: event.user.username,
    userAgent: event.userAgent ?? '',
    code: event.responseStatus?.code ?? 0,
    requestURI: event.requestURI,
    stage: event.stage,
    at: new Date(event.stageTimestamp),
  };
}

async function readFrom(file: string, position: number): Promise<Buffer> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, size - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
