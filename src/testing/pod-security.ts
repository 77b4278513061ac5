/**
 * The "restricted" Pod Security Standard, as the Kubernetes documentation states it ("Pod Security Standards", the
 * baseline controls included).
 */
interface SecurityContext {
  privileged?: boolean;
  allowPrivilegeEscalation?: boolean;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  procMount?: string;
  seLinuxOptions?: unknown;
  windowsOptions?: { hostProcess?: boolean };
  seccompProfile?: { type: string };
  capabilities?: { add?: string[]; drop?: string[] };
}

export interface CheckedContainer {
  name: string;
  ports?: { hostPort?: number }[];
  securityContext?: SecurityContext;
}

export interface CheckedPod {
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  securityContext?: SecurityContext & { sysctls?: unknown[] };
  volumes?: Record<string, unknown>[];
  initContainers?: CheckedContainer[];
  containers: CheckedContainer[];
}

const VOLUME_TYPES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret']; // prettier-ignore
const SECCOMP = ['RuntimeDefault', 'Localhost'];

/** What the standard objects to; nothing when the pod is admitted. */
export function restrictedViolations(pod: CheckedPod): string[] {
  const violations: [boolean, string][] = [
    [pod.hostNetwork === true || pod.hostPID === true || pod.hostIPC === true, 'host namespaces'],
    [(pod.securityContext?.sysctls ?? []).length > 0, 'sysctls'],
    [pod.securityContext?.runAsUser === 0, 'the pod runs as root'],
    ...(pod.volumes ?? []).map((volume): [boolean, string] => [
      !Object.keys(volume).some((type) => VOLUME_TYPES.includes(type)),
      `volume ${String(volume['name'])}`,
    ]),
    ...[...(pod.initContainers ?? []), ...pod.containers].flatMap((container) => containerViolations(container, pod)),
  ];
  return violations.filter(([violated]) => violated).map(([, what]) => what);
}

function containerViolations({ name, ports = [], securityContext = {} }: CheckedContainer, pod: CheckedPod) {
  const { capabilities, seLinuxOptions, procMount, windowsOptions } = securityContext;
  const nonRoot = securityContext.runAsNonRoot ?? pod.securityContext?.runAsNonRoot;
  const seccomp = securityContext.seccompProfile ?? pod.securityContext?.seccompProfile;
  const violations: [boolean, string][] = [
    [securityContext.privileged === true || windowsOptions?.hostProcess === true, 'privileged'],
    [securityContext.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation'],
    [nonRoot !== true, 'runAsNonRoot'],
    [securityContext.runAsUser === 0, 'runAsUser'],
    [!SECCOMP.includes(seccomp?.type ?? ''), 'seccompProfile'],
    [capabilities?.drop?.includes('ALL') !== true, 'capabilities.drop'],
    [(capabilities?.add ?? []).some((added) => added !== 'NET_BIND_SERVICE'), 'capabilities.add'],
    [procMount !== undefined && procMount !== 'Default', 'procMount'],
    [seLinuxOptions !== undefined, 'seLinuxOptions'],
    [ports.some(({ hostPort = 0 }) => hostPort !== 0), 'hostPort'],
  ];
  return violations.map(([violated, what]): [boolean, string] => [violated, `${name}: ${what}`]);
}
