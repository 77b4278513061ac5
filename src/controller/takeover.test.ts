import { describe, expect, it } from 'vitest';
import { hasForeignUpdates, takenOver } from './takeover.ts';

const entry = (manager: string, operation: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation,
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  time: '2026-01-01T00:00:00Z',
  fieldsV1,
  ...more,
});
const GO = entry('manager', 'Update', { 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:a': {} } } });
const OURS = entry('dittofs-operator', 'Apply', { 'f:spec': { 'f:template': { 'f:b': {} } } });
const STATUS = entry('kube-controller-manager', 'Update', { 'f:status': {} }, { subresource: 'status' });

describe('taking over managed fields', () => {
  it('turns the Go operator`s updates into our apply, and leaves the others alone', () => {
    expect(takenOver([STATUS, GO])).toEqual([{ ...GO, manager: 'dittofs-operator', operation: 'Apply' }, STATUS]);
  });

  it('joins what it owned with what we own, in one entry', () => {
    const result = takenOver([GO, STATUS, OURS]) as (typeof GO)[];
    expect(result).toHaveLength(2);
    expect(result[0]).toMatchObject({
      manager: 'dittofs-operator',
      operation: 'Apply',
      fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:a': {}, 'f:b': {} } } },
    });
  });

  it('keeps what is owned as a whole when the other entry owns something below it', () => {
    const whole = entry('manager', 'Update', { 'f:spec': { 'f:a': {}, 'k:{"name":"x"}': { '.': {} } } });
    const below = entry('dittofs-operator', 'Apply', {
      'f:spec': { 'f:a': { 'f:b': {} }, 'k:{"name":"x"}': { 'f:c': {} } },
    });
    const expected = { 'f:spec': { 'f:a': { '.': {}, 'f:b': {} }, 'k:{"name":"x"}': { '.': {}, 'f:c': {} } } };
    expect(takenOver([whole, below])).toMatchObject([{ fieldsV1: expected }]);
    expect(takenOver([below, whole])).toMatchObject([{ fieldsV1: expected }]);
    expect((takenOver([below, whole]) as (typeof GO)[])[0]?.fieldsV1).toEqual(expected);
  });

  it('settles: what was taken over needs no taking over', () => {
    expect(hasForeignUpdates([STATUS, GO, OURS])).toBe(true);
    expect(hasForeignUpdates(takenOver([STATUS, GO, OURS]))).toBe(false);
  });

  it('touches neither applies of others, nor subresources, nor nothing', () => {
    const others = [
      entry('manager', 'Apply', {}),
      entry('manager', 'Update', {}, { subresource: 'status' }),
      entry('kubectl', 'Update', {}),
    ];
    expect(hasForeignUpdates(others)).toBe(false);
    expect(takenOver(others)).toEqual(others);
    expect(hasForeignUpdates(undefined)).toBe(false);
    expect(takenOver([])).toEqual([]);
  });

  it('takes over what we created by POST', () => {
    expect(hasForeignUpdates([entry('dittofs-operator', 'Update', {})])).toBe(true);
  });
});
