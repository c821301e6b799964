/**
 * The REST answers that kubectl needs before exec, attach, port-forward and cp: the
 * list of resources, and the pod.
 *
 * @module
 */

const POD_PATH = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/;

/** Answers like an API server that has one running pod, whatever its name. */
export function answerRest(request: Request): Response {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/version":
      return Response.json({ major: "1", minor: "37", gitVersion: "v1.37.0" });
    case "/api":
      return Response.json({ kind: "APIVersions", versions: ["v1"] });
    case "/apis":
      return Response.json({
        kind: "APIGroupList",
        apiVersion: "v1",
        groups: [],
      });
    case "/api/v1":
      return Response.json(RESOURCES);
  }
  const pod = POD_PATH.exec(pathname);
  if (pod !== null) return Response.json(podObject(pod[1], pod[2]));
  return Response.json({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: "NotFound",
    message: `${pathname} not found`,
    code: 404,
  }, { status: 404 });
}

const RESOURCES = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: "v1",
  resources: [{
    name: "pods",
    singularName: "pod",
    namespaced: true,
    kind: "Pod",
    verbs: ["get", "list"],
    shortNames: ["po"],
  }],
};

function podObject(namespace: string, name: string): object {
  const container = "main";
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name, namespace, uid: "00000000-0000-0000-0000-000000000000" },
    spec: {
      containers: [{
        name: container,
        image: "this-machine",
        stdin: true,
        stdinOnce: true,
      }],
    },
    status: {
      phase: "Running",
      // The API requires these fields, and the Python client refuses a pod without them.
      containerStatuses: [{
        name: container,
        image: "this-machine",
        imageID: "this-machine",
        ready: true,
        restartCount: 0,
        started: true,
        state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
      }],
    },
  };
}
