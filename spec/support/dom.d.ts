// What playwright-core's types name of the DOM, which our programs on Node do without.
interface Node {
  readonly nodeType: number
}
interface HTMLElement extends Node {
  readonly tagName: string
}
interface SVGElement extends Node {
  readonly tagName: string
}
interface HTMLElementTagNameMap {
  [name: string]: HTMLElement
}
