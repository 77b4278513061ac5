import { crd } from '../../src/api/crd.ts';
import { rules } from '../../src/api/rules.ts';
import type { FieldProblem } from '../../src/api/validate.ts';
import type { AdminClient, RawResponse } from '../control-plane/admin.ts';
import { eventually } from '../control-plane/eventually.ts';
import { server } from './rule-cases.ts';

export const DITTO_SERVER = 'dittofs.dittofs.com/v1alpha1/DittoServer';
const CRD = 'apiextensions.k8s.io/v1/CustomResourceDefinition';

/** Our CRD as it would be had nobody thought of rules yet. */
export function crdWithoutRules(): object {
  const bare = structuredClone(crd());
  for (const { schema } of bare.spec.versions) schema.openAPIV3Schema['x-kubernetes-validations'] = [];
  return bare;
}

/** Installs the CRD, or changes it into this one, and waits until the API server goes by it. */
export async function install(admin: AdminClient, definition: object, refusesBadObjects: boolean): Promise<void> {
  await admin.apply(definition);
  await eventually('the CRD is established', async () => {
    const { status } = await admin.get(CRD, crd().metadata.name);
    const conditions = status?.['conditions'] as { type: string; status: string }[] | undefined;
    return conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
  });
  await eventually('the API server goes by the CRD', async () => {
    const { status } = await tryCreate(admin, server({ image: 'not an image' }, 'probe'));
    return status === (refusesBadObjects ? 422 : 201);
  });
}

/** Asks whether an object could be created, without creating it. */
export async function tryCreate(admin: AdminClient, object: object): Promise<RawResponse> {
  return admin.raw('POST', `${await admin.path(DITTO_SERVER, 'default')}?dryRun=All`, object);
}

/** Asks whether an object could be replaced, without replacing it. */
export async function tryUpdate(
  admin: AdminClient,
  name: string,
  object: object,
  subresource = '',
): Promise<RawResponse> {
  const path = await admin.path(DITTO_SERVER, 'default', name);
  return admin.raw('PUT', `${path}${subresource}?dryRun=All`, object);
}

interface Cause {
  field: string;
  message: string;
}

/**
 * What the API server found wrong, as the messages of rules. Fails when it found something that no rule says, which
 * would be a mistake in the schema or in the test.
 */
export function complaints({ status, body }: RawResponse): string[] {
  if (status === 200 || status === 201) return [];
  const { details, message } = body as { details?: { causes?: Cause[] }; message: string };
  const causes = details?.causes ?? [];
  const strange = causes.filter(({ field }) => !rules.some(({ fieldPath }) => fieldPath === field));
  if (status !== 422 || causes.length === 0 || strange.length > 0) throw new Error(`${status} ${message}`);
  return unique(causes.map((cause) => cause.message.replace(/^Invalid value: /, '')));
}

/** The same for our own evaluation. */
export function messages(problems: FieldProblem[]): string[] {
  return unique(problems.map(({ message }) => message));
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)].sort();
}
