/** Manifests of the reference page. A test parses them. */

export const SMALLEST = `
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: digits
spec:
  versions:
    - name: v1
      model:
        uri: pvc://models/digits/1/model.onnx
`;

export const CANARY = `
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: digits
spec:
  versions:
    - name: v1
      model: {uri: pvc://models/digits/1/model.onnx}
      traffic: 0
    - name: v2
      model: {uri: pvc://models/digits/2/model.onnx}
      traffic: 100
    - name: v3
      model: {uri: https://models.example.com/digits/3/model.onnx}
      shadow: 20
      golden: {uri: pvc://models/digits/golden.json, tolerance: 0.0001}
      serving:
        replicas: 1
  serving:
    autoscaling:
      min: 2
      max: 10
      metrics: [{cpu: 80}]
    resources:
      requests: {cpu: "1", memory: 1Gi}
    batching: {maxBatchSize: 32, maxDelay: 5ms}
  cohort: {header: x-user-id}
  rollout:
    steps:
      - {traffic: 5, hold: 2m}
      - {traffic: 25, hold: 5m}
      - {traffic: 50, approval: required}
    analysis:
      mirror: 10
      checks:
        - {metric: error-rate, max: 0.01}
        - {metric: latency-p99, maxRatio: 1.2}
        - {metric: disagreement, max: 0.05}
    onFailure: Rollback
`;
