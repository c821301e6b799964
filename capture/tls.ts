import type { ChannelHost, TlsLayers } from "./channel.ts";
import type { KeyLog } from "./key_log.ts";
import { IGNORE } from "./layer.ts";
export function createTlsLayers(
  host: ChannelHost,
  _keyLog: KeyLog,
  _defer: (task: () => Promise<void>) => void,
): TlsLayers {
  host.onOther("TLS");
  return [IGNORE, IGNORE];
}
