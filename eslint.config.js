import tseslint from 'typescript-eslint';

/** What the pure core may not import: no I/O, no shell, no Kubernetes client. */
const noShell = {
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          regex: '(^|/)(kube|controller|cli|dittofs|admission|metrics)/',
          message: 'The core is pure: it knows nothing of the shell around it.',
        },
        { regex: '^node:', message: 'The core is pure: no I/O, no clock, no randomness.' },
        { regex: '^@kubernetes/client-node', allowTypeImports: true, message: 'Types only.' },
      ],
    },
  ],
  'no-restricted-globals': [
    'error',
    ...['Date', 'fetch', 'process', 'setTimeout', 'setInterval', 'crypto', 'performance'].map((name) => ({
      name,
      message: 'The core is pure: time, randomness and the network are passed in.',
    })),
  ],
  'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Pass randomness in.' }],
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'CallExpression[callee.object.name="it"][callee.property.name="only"]', message: 'No lone tests.' },
      ],
      complexity: ['error', 16],
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/api/**/*.ts', 'src/desired/**/*.ts', 'src/postgres/**/*.ts', 'src/status/**/*.ts', 'src/plan.ts'],
    ignores: ['**/*.test.ts'],
    rules: noShell,
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts', '*.config.ts', 'build.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
      'max-lines': 'off',
      'no-restricted-syntax': 'off',
    },
  },
);
