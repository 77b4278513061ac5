import { describe, expect, it } from 'vitest';
import { createLog, type LogLevel } from './logger.ts';

function logged(level: LogLevel, write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line: string) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('is JSON with the level as a word, and keeps quiet below it', () => {
    const lines = logged('info', (log) => {
      log.debug('no');
      log.info('yes', { key: 'x/files' });
    });
    expect(lines).toMatchObject([{ level: 'info', msg: 'yes', key: 'x/files' }]);
    expect(lines[0]?.['time']).toMatch(/^\d{4}-.*Z$/);
  });

  it.each([
    [{ password: 'hunter2' }, 'hunter2'],
    [{ deep: [{ authToken: 'hunter2' }] }, 'hunter2'],
    [{ data: { key: 'aHVudGVyMg==' } }, 'aHVudGVyMg=='],
    [{ error: 'failed: Authorization: Bearer abc.def-123' }, 'abc.def-123'],
    [{ error: new Error('cannot reach postgres://dittofs:hunter2@db:5432/x') }, 'hunter2'],
    [{ text: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln' }, 'eyJzdWIiOiIxIn0'],
    [{ text: '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----' }, 'MIIE'],
  ])('shows no secret (%#)', (fields, secret) => {
    const [line] = logged('info', (log) => log.info('x', fields));
    expect(JSON.stringify(line)).not.toContain(secret);
    expect(JSON.stringify(line)).toContain('[redacted]');
  });

  it('shows no secret in a message, and leaves names of Secrets alone', () => {
    const [line] = logged('info', (log) => log.warn('Bearer abcdef', { secret: 'files-jwt-secret' }));
    expect(line).toMatchObject({ msg: 'Bearer [redacted]', secret: 'files-jwt-secret' });
  });
});
