/**
 * Draws the streams of a connection and its windows.
 *
 * @module
 */

/// <reference lib="dom" />

import type { Connection, Row } from "./model.ts";

const ROW = 18;
/** A canvas has a limited height. */
const MOST_STREAMS = 400;

/** Prepares a canvas for its size and the density of the screen. */
function contextOf(
  canvas: HTMLCanvasElement,
  height: number,
): CanvasRenderingContext2D {
  canvas.style.height = `${height}px`;
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext("2d")!;
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = "12px system-ui, sans-serif";
  return context;
}

/** The colour that a class of the key has in the present scheme. */
function colour(name: string): string {
  return getComputedStyle(document.querySelector(`.key .${name}`)!)
    .backgroundColor;
}

/** Draws a bar for each stream. */
export function drawWaterfall(
  canvas: HTMLCanvasElement,
  connection: Connection,
  chosen: number | undefined,
): void {
  const streams = [...connection.streams.values()].slice(0, MOST_STREAMS);
  const context = contextOf(canvas, Math.max(1, streams.length) * ROW + 4);
  const labels = Math.min(220, canvas.clientWidth * 0.35);
  const width = canvas.clientWidth - labels - 8;
  let last = connection.begin + 1;
  for (const { end } of streams) last = Math.max(last, end);
  const x = (time: number): number =>
    labels + (time - connection.begin) / (last - connection.begin) * width;
  const text = getComputedStyle(canvas).color;
  const [waiting, headers, data, push, reset] = [
    "waiting",
    "headers",
    "data",
    "push",
    "reset",
  ].map(colour);
  streams.forEach((stream, index) => {
    const y = index * ROW + 4;
    const bar = (from: number, to: number, fill: string): void => {
      context.fillStyle = fill;
      context.fillRect(x(from), y, Math.max(2, x(to) - x(from)), ROW - 6);
    };
    context.fillStyle = text;
    context.save();
    context.beginPath();
    context.rect(0, y - 4, labels - 6, ROW);
    context.clip();
    context.fillText(
      `${stream.id === chosen ? "\u25b8 " : ""}${stream.id} ${stream.label}`,
      4,
      y + 10,
    );
    context.restore();
    bar(stream.begin, stream.end, waiting);
    if (stream.reply !== undefined) bar(stream.reply, stream.end, headers);
    if (stream.data !== undefined) {
      bar(stream.data, stream.end, stream.isPush ? push : data);
    } else if (stream.isPush) bar(stream.begin, stream.end, push);
    if (stream.isReset) {
      context.fillStyle = reset;
      context.fillRect(x(stream.end) - 2, y - 2, 4, ROW - 2);
    }
  });
}

/** The stream at a height of the waterfall. */
export function streamAt(
  connection: Connection,
  y: number,
): number | undefined {
  return [...connection.streams.keys()][Math.floor(y / ROW)];
}

/** Draws the window of what the server sends; shades the time in which it is used up. */
export function drawCurves(
  canvas: HTMLCanvasElement,
  connection: Connection,
  chosen: number | undefined,
): void {
  const context = contextOf(canvas, 90);
  const width = canvas.clientWidth;
  const samples: { time: number; session: number; stream?: number }[] = [];
  for (const row of connection.rows) addSample(samples, row, chosen);
  if (samples.length === 0) return;
  const begin = connection.begin;
  const length = Math.max(1, samples[samples.length - 1].time - begin);
  let most = 1;
  for (const { session, stream = 0 } of samples) {
    most = Math.max(most, session, stream);
  }
  const x = (time: number): number => (time - begin) / length * width;
  const y = (size: number): number => 86 - Math.max(0, size) / most * 80;
  context.fillStyle = colour("reset");
  context.globalAlpha = 0.25;
  samples.forEach(({ time, session, stream = 1 }, index) => {
    const next = samples[index + 1];
    if (next !== undefined && (session <= 0 || stream <= 0)) {
      context.fillRect(x(time), 0, Math.max(1, x(next.time) - x(time)), 90);
    }
  });
  context.globalAlpha = 1;
  for (const which of ["session", "stream"] as const) {
    context.strokeStyle = colour(which === "session" ? "data" : "push");
    context.beginPath();
    let before: number | undefined;
    for (const sample of samples) {
      const size = sample[which];
      if (size === undefined) continue;
      if (before === undefined) context.moveTo(x(sample.time), y(size));
      else context.lineTo(x(sample.time), before);
      before = y(size);
      context.lineTo(x(sample.time), before);
    }
    context.stroke();
  }
}

function addSample(
  samples: { time: number; session: number; stream?: number }[],
  { record, type, windows }: Row,
  chosen: number | undefined,
): void {
  if (record.kind !== "frame" || windows === undefined) return;
  const isServers = type === "WINDOW_UPDATE"
    ? record.fromClient
    : type === "DATA" && !record.fromClient;
  if (!isServers) return;
  const stream = record.streamId === chosen && chosen !== undefined
    ? windows[1]
    : samples[samples.length - 1]?.stream;
  samples.push({ time: record.time, session: windows[0], stream });
}
