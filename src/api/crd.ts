import { stringify } from 'yaml';
import { CRD_NAME, GROUP, KIND, PLURAL, VERSION } from './names.ts';
import { rules, validations } from './rules.ts';
import { schemaTree } from './structure.ts';

function condition(type: string, field: string): string {
  return `.status.conditions[?(@.type=="${type}")].${field}`;
}

/** The columns of `kubectl get`; those with a priority only with `-o wide`. */
const COLUMNS = [
  { name: 'Ready', type: 'string', jsonPath: condition('Ready', 'status') },
  { name: 'Reason', type: 'string', jsonPath: condition('Ready', 'reason') },
  { name: 'Database', type: 'string', jsonPath: condition('DatabaseReady', 'reason') },
  { name: 'Status', type: 'string', jsonPath: '.status.phase' },
  { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
  { name: 'Available', type: 'integer', jsonPath: '.status.availableReplicas', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: condition('Ready', 'message'), priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** The CustomResourceDefinition. */
export function crd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: CRD_NAME },
    spec: {
      group: GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'dittoserver',
        shortNames: ['ditto', 'dittofs'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: {
            openAPIV3Schema: {
              ...schemaTree(),
              'x-kubernetes-validations': rules.flatMap(validations),
            },
          },
        },
      ],
    },
  };
}

/** The CustomResourceDefinition as YAML. */
export function printCrd(): string {
  return `# Written by "npm run generate" from src/api.\n${stringify(crd(), { lineWidth: 120, aliasDuplicateObjects: false })}`;
}
