/**
 * The last line of defence against a secret in the log: nothing that holds one is to be logged in the first place.
 */

/** Fields whose value is never shown. A Secret's name may be, so `secret` is not among them. */
const SECRET_FIELD =
  /password|passwd|passphrase|authorization|credential|token|private.?key|access.?key|client.?key|^data$|^stringData$/i;
const SECRET_TEXTS: readonly [pattern: RegExp, replacement: string][] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]'],
  // The password of a URL such as postgres://user:password@host.
  [/(\w+:\/\/[^\s:/@]*):[^\s@]+@/g, '$1:[redacted]@'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[redacted]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted]'],
];
const DEEPEST = 6;

/** The text without what looks like a secret. */
export function redactText(text: string): string {
  return SECRET_TEXTS.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}

/** A copy of log fields without what looks like a secret. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '[too deep]';
  if (value instanceof Error) return { message: redactText(value.message), stack: redactText(value.stack ?? '') };
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET_FIELD.test(name) ? '[redacted]' : redact(inner, depth + 1),
    ]),
  );
}
