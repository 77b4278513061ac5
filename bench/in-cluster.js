/**
 * Loaded into the operator's process before its own code: shows it the files that a pod has of its ServiceAccount, from
 * the folder that BENCH_SERVICE_ACCOUNT names. So it runs as in its pod; with a kubeconfig it would load the official
 * Kubernetes client to read that, which no pod does and which takes more memory than the operator itself.
 *
 * JavaScript, because Node would load its TypeScript compiler into the process that is to be measured.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const mounted = '/var/run/secrets/kubernetes.io/serviceaccount/';
const folder = process.env.BENCH_SERVICE_ACCOUNT;
const original = fs.readFileSync;

fs.readFileSync = (path, ...rest) => {
  const given = typeof path === 'string' && path.startsWith(mounted);
  return original(given ? `${folder}/${path.slice(mounted.length)}` : path, ...rest);
};
syncBuiltinESMExports();
