import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Type Alias: LockEngineErrorCode","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/LockEngineErrorCode.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/LockEngineErrorCode.html"}],["meta",{"property":"og:title","content":"Type Alias: LockEngineErrorCode"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/distributed/type-aliases/LockEngineErrorCode.md","filePath":"site/pages/api/latchkey/distributed/type-aliases/LockEngineErrorCode.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/distributed/type-aliases/LockEngineErrorCode.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/distributed/">latchkey/distributed</a> / LockEngineErrorCode</p><h1 id="type-alias-lockengineerrorcode" tabindex="-1">Type Alias: LockEngineErrorCode <a class="header-anchor" href="#type-alias-lockengineerrorcode" aria-label="Permalink to &quot;Type Alias: LockEngineErrorCode&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">type</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> LockEngineErrorCode</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> =</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;"> </span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_POOLER&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_REPLICA&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_TOO_MANY_CONNECTIONS&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_TOO_MANY_KEYS&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_SCRIPT_REFUSED&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_TOO_FEW_REPLICAS&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_TIMEOUT&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_ACCESS&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_DIRECTORY&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_NETWORK_DIRECTORY&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_NO_SPACE&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_TOO_MANY_FILES&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_PATH_TOO_LONG&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_WIPED&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_UNSUPPORTED&quot;</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">  |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;ERR_ENGINE_FAILED&quot;</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>What kept a lock from asking its engine; each is explained, with what to do, in docs/distributed/operations.md.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/distributed/type-aliases/LockEngineErrorCode.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LockEngineErrorCode = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LockEngineErrorCode as default
};
