import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Type Alias: OpenLockClient","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/OpenLockClient.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/OpenLockClient.html"}],["meta",{"property":"og:title","content":"Type Alias: OpenLockClient"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/distributed/type-aliases/OpenLockClient.md","filePath":"site/pages/api/latchkey/distributed/type-aliases/OpenLockClient.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/distributed/type-aliases/OpenLockClient.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/distributed/">latchkey/distributed</a> / OpenLockClient</p><h1 id="type-alias-openlockclient" tabindex="-1">Type Alias: OpenLockClient <a class="header-anchor" href="#type-alias-openlockclient" aria-label="Permalink to &quot;Type Alias: OpenLockClient&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">type</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> OpenLockClient</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> =</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;"> () </span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">=&gt;</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;"> </span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> LockClient</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">|</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> Promise</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&lt;</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">LockClient</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&gt;;</span></span></code></pre></div><p>Makes one client after another. All must share one engine, on which nobody else uses keys that begin with <code>check</code>.</p><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p>| <a href="/api/latchkey/distributed/type-aliases/LockClient.html"><code>LockClient</code></a> | <code>Promise</code>&lt;<a href="/api/latchkey/distributed/type-aliases/LockClient.html"><code>LockClient</code></a>&gt;</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/distributed/type-aliases/OpenLockClient.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const OpenLockClient = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  OpenLockClient as default
};
