import { describe, expect, it } from 'vitest';
import { ApiError, ConnectionError, isRetriable } from './errors.ts';
import { status } from './testing/fake-server.ts';

const path = '/api/v1/namespaces/a/pods/b';
const error = (code: number, reason: string, details: object = {}, message = 'sentence'): ApiError =>
  new ApiError({ method: 'GET', path, status: code, body: status(code, reason, message, details) });

describe('ApiError', () => {
  it('says what was asked and what the server said', () => {
    expect(error(404, 'NotFound').message).toBe(`GET ${path}: 404 NotFound: sentence`);
  });

  it.each([
    '/api/v1/namespaces/a/secrets/b',
    '/api/v1/namespaces/a/secrets',
    '/api/v1/secrets',
    '/api/v1/namespaces/a/secrets/b/status',
  ])('never repeats what the server said about a Secret (%s)', (secretPath) => {
    const details = { causes: [{ field: 'data.x', reason: 'FieldValueInvalid', message: 'Invalid value: "hunter2"' }] };
    const body = status(422, 'Invalid', 'Invalid value: "hunter2"', details);
    const refused = new ApiError({ method: 'PATCH', path: secretPath, status: 422, body });
    expect(JSON.stringify([refused, refused.message, refused.stack])).not.toContain('hunter2');
    expect(refused.causes).toEqual([{ field: 'data.x', reason: 'FieldValueInvalid' }]);
  });

  it('never repeats a body that is no Status: an object under an error code, a page of a proxy', () => {
    for (const body of [{ kind: 'Secret', data: { a: 'hunter2' }, message: 'hunter2' }, 'hunter2', ['hunter2'], null]) {
      const refused = new ApiError({ method: 'GET', path, status: 500, body });
      expect(JSON.stringify([refused, refused.message])).not.toContain('hunter2');
      expect(refused.message).toBe(`GET ${path}: 500`);
    }
  });

  it('cuts what the server said', () => {
    expect(error(422, 'Invalid', {}, 'x'.repeat(100_000)).message.length).toBeLessThan(1200);
  });

  it('tells a name that is taken from a version that is outdated', () => {
    const taken = error(409, 'AlreadyExists');
    expect([taken.isAlreadyExists, taken.isConflict]).toEqual([true, false]);
    const outdated = error(409, 'Conflict');
    expect([outdated.isAlreadyExists, outdated.isConflict]).toEqual([false, true]);
  });

  it('tells a terminating namespace from a lack of permission', () => {
    const terminating = error(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating' }] });
    expect([terminating.isNamespaceTerminating, terminating.isForbidden]).toEqual([true, false]);
    const forbidden = error(403, 'Forbidden');
    expect([forbidden.isNamespaceTerminating, forbidden.isForbidden]).toEqual([false, true]);
  });

  it('knows an old version by either reason, and one of the future', () => {
    expect(error(410, 'Expired').isExpired).toBe(true);
    expect(error(410, 'Gone').isExpired).toBe(true);
    expect(error(500, 'Expired').isExpired).toBe(true);
    expect(error(404, 'NotFound').isExpired).toBe(false);
    const future = error(504, 'Timeout', { causes: [{ reason: 'ResourceVersionTooLarge' }] });
    expect(future.isTooLargeResourceVersion).toBe(true);
  });

  it('takes the wait from the header before that of the body', () => {
    const body = status(429, 'TooManyRequests', '', { retryAfterSeconds: 7 });
    expect(new ApiError({ method: 'GET', path, status: 429, body }).retryAfterSeconds).toBe(7);
    expect(new ApiError({ method: 'GET', path, status: 429, body, retryAfterSeconds: 2 }).retryAfterSeconds).toBe(2);
    expect(error(429, 'TooManyRequests').retryAfterSeconds).toBeUndefined();
  });
});

it('isRetriable: what may go away by itself', () => {
  expect([408, 429, 500, 503, 504].every((code) => isRetriable(error(code, '')))).toBe(true);
  expect([400, 401, 403, 404, 409, 410, 422].some((code) => isRetriable(error(code, '')))).toBe(false);
  expect(isRetriable(new ConnectionError('GET', path, 'ECONNRESET', 'broke off'))).toBe(true);
  expect(isRetriable(new Error('x'))).toBe(false);
});
