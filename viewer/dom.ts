/**
 * Creates elements. Text from peers is only inserted as text, and characters that
 * do not print are escaped.
 *
 * @module
 */

/// <reference lib="dom" />

import { printable } from "../values.ts";
import { PALETTE, pathData, type Shape } from "./chart.ts";

/**
 * The namespace of SVG, read from the picture of the empty page, so that the page
 * contains no URL.
 */
const SVG = document.querySelector("svg")?.namespaceURI ?? null;

/** Content of an element: other elements, or text. */
export type Content = Node | string;

/** The element of the page with this id. */
export function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found as T;
}

/** A new element. */
export function element(
  name: string,
  className: string,
  ...contents: Content[]
): HTMLElement {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.append(
    ...contents.map((content) =>
      typeof content === "string" ? printable(content) : content
    ),
  );
  return made;
}

/** A new button. */
export function button(
  className: string,
  text: string,
  onClick: () => void,
): HTMLElement {
  const made = element("button", className, text);
  made.setAttribute("type", "button");
  made.addEventListener("click", onClick);
  return made;
}

/** Shapes as an SVG element, whose classes have the colours of the page. */
export function chartElement(
  shapes: readonly Shape[],
  width: number,
  height: number,
): SVGElement {
  const svg = svgElement("svg", { width, height });
  svg.setAttribute("aria-hidden", "true");
  svg.append(...shapes.flatMap(shapeElements));
  return svg;
}

/** Sets the colours of the charts in the page. */
export function setColours(): void {
  for (const [name, [light, dark]] of Object.entries(PALETTE)) {
    document.documentElement.style.setProperty(
      `--${name}`,
      `light-dark(${light}, ${dark})`,
    );
  }
}

function shapeElements(shape: Shape): SVGElement[] {
  const { meaning } = shape;
  switch (shape.kind) {
    case "rect": {
      const { x, y, width, height, title } = shape;
      const rect = svgElement("rect", { x, y, width, height, rx: 1.5 });
      rect.setAttribute("class", `fill ${meaning}`);
      if (title !== undefined) {
        const text = svgElement("title", {});
        text.textContent = printable(title);
        rect.append(text);
      }
      return [rect];
    }
    case "line": {
      const { x1, y1, x2, y2 } = shape;
      const line = svgElement("line", { x1, y1, x2, y2 });
      line.setAttribute("class", `stroke ${meaning}`);
      return [line];
    }
    case "curve": {
      const { points, downTo } = shape;
      const line = svgElement("path", { d: pathData(points) });
      line.setAttribute("class", `curve ${meaning}`);
      if (downTo === undefined) return [line];
      const area = svgElement("path", { d: pathData(points, downTo) });
      area.setAttribute("class", `area ${meaning}`);
      return [area, line];
    }
    case "text": {
      const { x, y, text, anchor = "start" } = shape;
      const made = svgElement("text", { x, y, "text-anchor": anchor });
      made.setAttribute("class", `fill ${meaning}`);
      made.textContent = printable(text);
      return [made];
    }
  }
}

function svgElement(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(value));
  }
  return made;
}
