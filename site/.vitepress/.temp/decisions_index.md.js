import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Decisions","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/decisions/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/decisions/"}],["meta",{"property":"og:title","content":"Decisions"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]]},"headers":[],"relativePath":"decisions/index.md","filePath":"docs/decisions/README.md","lastUpdated":1795874602000}');
const _sfc_main = { name: "decisions/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="decisions" tabindex="-1">Decisions <a class="header-anchor" href="#decisions" aria-label="Permalink to &quot;Decisions&quot;">​</a></h1><p>What was weighed, what was chosen, and what it costs. A note that is overruled stays, and names the one that overrules it.</p><p>Behaviour:</p><ul><li><a href="/decisions/misuse-throws.html">Misuse throws at the call</a>, also from methods that return a promise</li><li><a href="/decisions/try-acquire-on-closed.html"><code>tryAcquire</code> on a closed lock returns <code>undefined</code></a></li><li><a href="/decisions/acquire-many-all-or-nothing.html"><code>acquireMany</code> takes all or nothing</a>, and does not hold keys one by one</li><li><a href="/decisions/locks-by-hand-and-contexts.html">A lock taken by hand belongs to a task scope, or to no caller</a></li></ul><p>Engine:</p><ul><li><a href="/decisions/waiters-share-a-promise.html">Waiters share a promise</a></li><li><a href="/decisions/timeout-stacks.html">Where the stack of a timeout comes from</a></li><li><a href="/decisions/no-super-on-hot-paths.html">No <code>super()</code> where something is made at each acquire</a></li><li><a href="/decisions/members-are-symbols.html">Internal members are symbols</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
