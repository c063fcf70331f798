/** The standard environment of OpenTelemetry, by which a runtime sends traces. Pure. */
import type { Subject, TracingOptions } from './input.ts';

interface Variable {
  name: string;
  value?: string;
  valueFrom?: object;
}

/** A name of our own: a variable can only refer to those before it, and a user may have a POD_NAME. */
const POD_NAME = 'MODELSHIP_POD_NAME';

export function tracingEnvironment(subject: Subject, version: string, { endpoint, ratio }: TracingOptions): Variable[] {
  const { model, namespace } = subject;
  const attributes = [
    ...(namespace === undefined ? [] : [`k8s.namespace.name=${namespace}`]),
    `k8s.pod.name=$(${POD_NAME})`,
    `modelship.version=${version}`,
  ];
  return [
    // As the API server completes it, so that nothing is seen to differ.
    { name: POD_NAME, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint.replaceAll('$', '$$$$') },
    { name: 'OTEL_SERVICE_NAME', value: model },
    { name: 'OTEL_RESOURCE_ATTRIBUTES', value: attributes.join() },
    { name: 'OTEL_TRACES_SAMPLER', value: 'parentbased_traceidratio' },
    { name: 'OTEL_TRACES_SAMPLER_ARG', value: String(ratio) },
  ];
}
