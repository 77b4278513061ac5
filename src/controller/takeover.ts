/**
 * Taking objects over from a writer that used PUT, as the Go operator for the same resource does. Server-side apply
 * removes a field only when nobody else owns it; so the other writer's ownership is first turned into ours, as
 * client-go's csaupgrade does.
 */
import { FIELD_MANAGER } from '../desired/names.ts';

/** The field managers taken over: the Go operator's binary is called `manager`; ours creates some objects by POST. */
const MANAGERS: ReadonlySet<string> = new Set(['manager', FIELD_MANAGER]);

interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  subresource?: string;
  apiVersion?: string;
  fieldsType?: string;
  fieldsV1?: FieldSet;
  [field: string]: unknown;
}

interface FieldSet {
  [field: string]: FieldSet;
}

/** Whether `managedFields` has entries to be taken over. */
export function hasForeignUpdates(managedFields: unknown[] | undefined): boolean {
  return (managedFields ?? []).some((entry) => isTakenOver(entry as ManagedFieldsEntry));
}

/**
 * `managedFields` with those entries made ours, as if we had applied their fields.
 *
 * @param managedFields as the API server sent it.
 */
export function takenOver(managedFields: unknown[]): unknown[] {
  const entries = managedFields as ManagedFieldsEntry[];
  const ours = entries.filter((entry) => isTakenOver(entry) || isOurs(entry));
  const [first] = ours;
  if (!first) return managedFields;
  const merged = {
    ...first,
    manager: FIELD_MANAGER,
    operation: 'Apply',
    fieldsV1: ours.map(({ fieldsV1 }) => fieldsV1 ?? {}).reduce(union, {}),
  };
  return [merged, ...entries.filter((entry) => !ours.includes(entry))];
}

function isTakenOver({ manager = '', operation, subresource }: ManagedFieldsEntry): boolean {
  return MANAGERS.has(manager) && operation === 'Update' && subresource === undefined;
}

function isOurs({ manager, operation, subresource }: ManagedFieldsEntry): boolean {
  return manager === FIELD_MANAGER && operation === 'Apply' && subresource === undefined;
}

/** The fields of both. A field that one owns as a whole is marked with `.` when the other owns something below it. */
function union(one: FieldSet, other: FieldSet): FieldSet {
  const result: FieldSet = { ...one };
  for (const [field, below] of Object.entries(other)) {
    const there = result[field];
    const whole = there !== undefined && isEmpty(there) !== isEmpty(below);
    result[field] = there === undefined ? below : { ...(whole && { '.': {} }), ...union(there, below) };
  }
  return result;
}

function isEmpty(fields: FieldSet): boolean {
  return Object.keys(fields).length === 0;
}
