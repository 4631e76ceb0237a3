import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ToolHandle","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/adapters/hub/interfaces/ToolHandle.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/adapters/hub/interfaces/ToolHandle.html"}],["meta",{"property":"og:title","content":"Interface: ToolHandle"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/adapters/hub/interfaces/ToolHandle.md","filePath":"site/pages/api/latchkey/adapters/hub/interfaces/ToolHandle.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/adapters/hub/interfaces/ToolHandle.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/adapters/hub/">latchkey/adapters/hub</a> / ToolHandle</p><h1 id="interface-toolhandle" tabindex="-1">Interface: ToolHandle <a class="header-anchor" href="#interface-toolhandle" aria-label="Permalink to &quot;Interface: ToolHandle&quot;">​</a></h1><p>Takes an exposed tool back.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="/api/latchkey/adapters/hub/interfaces/UpdatableToolHandle.html"><code>UpdatableToolHandle</code></a></li></ul><h2 id="methods" tabindex="-1">Methods <a class="header-anchor" href="#methods" aria-label="Permalink to &quot;Methods&quot;">​</a></h2><h3 id="remove" tabindex="-1">remove() <a class="header-anchor" href="#remove" aria-label="Permalink to &quot;remove()&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;">remove</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(): unknown;</span></span></code></pre></div><p>Takes it back; a promise is awaited.</p><h4 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h4><p><code>unknown</code></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/adapters/hub/interfaces/ToolHandle.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ToolHandle = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ToolHandle as default
};
