/** A small picture for a card, drawn from its numbers: shapes in the colours of its category. */

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Hue of a category, far from its neighbours'. */
export function hueOf(category: number): number {
  return Math.round((category * 137.508) % 360);
}

export function cardArt(item: number, category: number): SVGSVGElement {
  const svg = element("svg", {
    viewBox: "0 0 160 100",
    preserveAspectRatio: "xMidYMid slice",
  }) as SVGSVGElement;
  // Nothing that words do not say.
  svg.setAttribute("aria-hidden", "true");
  const hue = hueOf(category);
  const draw = drawFrom(item * 7919 + category);
  svg.append(element("rect", { width: 160, height: 100, fill: `hsl(${hue} 45% 88%)` }));
  const tones = [
    `hsl(${hue} 55% 62%)`,
    `hsl(${(hue + 28) % 360} 60% 72%)`,
    `hsl(${(hue + 335) % 360} 45% 45%)`,
  ];
  for (let k = 0; k < 4; k++) {
    const fill = tones[k % tones.length];
    const [x, y, size] = [draw() * 160, draw() * 100, 14 + draw() * 34];
    const turn = `rotate(${Math.round(draw() * 180)} ${x.toFixed(1)} ${y.toFixed(1)})`;
    const shapes = [
      () => element("circle", { cx: x, cy: y, r: size, fill }),
      () =>
        element("rect", { x: x - size, y: y - 7, width: 2 * size, height: 14, rx: 7, fill, transform: turn }),
      () =>
        element("path", {
          d: `M${x - size} ${y + size} A${size} ${size} 0 0 1 ${x + size} ${y + size} Z`,
          fill,
        }),
      () => element("circle", { cx: x, cy: y, r: size, fill: "none", stroke: fill, "stroke-width": 6 }),
    ];
    svg.append(shapes[(category + k + (item % 3)) % shapes.length]());
  }
  return svg;
}

function element(name: string, attributes: { readonly [name: string]: string | number }): SVGElement {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
  }
  return made;
}

/** Numbers in [0, 1), the same for the same seed. */
function drawFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 4294967296;
  };
}
