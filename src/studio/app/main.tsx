/** The studio's page. It draws what the server tells; it computes nothing that the library can compute. */
import { render } from "preact";
import { App } from "./app.tsx";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no place for the studio");
root.replaceChildren();
render(<App />, root);
