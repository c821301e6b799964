"""The Python client against a server: prints one JSON object.

Arguments: the URL of the server or the path of a kubeconfig, and a port that the
pod can reach, where an HTTP server answers.
"""

import json
import sys

import kubernetes
from kubernetes import client, config, stream

server, port = sys.argv[1], int(sys.argv[2])
configuration = client.Configuration()
if server.startswith("http"):
    configuration.host = server
else:
    config.load_kube_config(server, client_configuration=configuration)
api = client.CoreV1Api(client.ApiClient(configuration))
SHELL = ["sh", "-c"]


def start(command, **options):
    """Starts a command; what is returned reads and writes its channels."""
    wanted = dict(stdin=False, stdout=True, stderr=True, tty=False)
    wanted.update(options)
    return stream.stream(
        api.connect_get_namespaced_pod_exec,
        "web",
        "default",
        command=command,
        _preload_content=False,
        **wanted
    )


def outputs():
    process = start(SHELL + ["echo out; echo err >&2; exit 3"])
    process.run_forever(timeout=20)
    return [process.read_stdout(), process.read_stderr(), process.returncode]


def standard_input():
    process = start(SHELL + ["read line; echo got $line; exit 4"], stdin=True)
    process.write_stdin("hello\n")
    process.run_forever(timeout=20)
    return [process.read_stdout(), process.returncode]


def large():
    process = start(SHELL + ["head -c 8388608 /dev/zero | tr '\\0' x"])
    process.run_forever(timeout=60)
    return [len(process.read_stdout()), process.returncode]


def attach():
    process = stream.stream(
        api.connect_get_namespaced_pod_attach,
        "web",
        "default",
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    process.write_stdin("echo\n")
    lines = [process.readline_stdout(timeout=20) for _ in range(2)]
    process.close()
    return lines


def forward():
    forwarded = stream.portforward(
        api.connect_get_namespaced_pod_portforward,
        "web",
        "default",
        ports=str(port),
    )
    connection = forwarded.socket(port)
    connection.setblocking(True)
    connection.settimeout(20)
    connection.sendall(b"GET /1000 HTTP/1.0\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < 1000:
        piece = connection.recv(65536)
        if not piece:
            break
        answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    return [head.split(b" ")[1].decode(), len(body), forwarded.error(port) or ""]


def pod():
    found = api.read_namespaced_pod("web", "default")
    return found.status.container_statuses[0].restart_count


results = {"version": kubernetes.__version__}
for case in [pod, outputs, standard_input, large, attach, forward]:
    try:
        results[case.__name__] = case()
    except Exception as error:  # The table shows it.
        results[case.__name__] = "%s: %s" % (type(error).__name__, error)
print(json.dumps(results))
